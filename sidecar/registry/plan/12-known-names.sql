-- Rule 8 against the registry: nobody holds STR or NIK, and somebody is much alike, as the registry knows them or as other rows
-- of the batch tell of them.
create temp table retold on commit drop as
select h.id, t.name_key, coalesce(t.birth_date, h.birth_date) as birth_date,
  coalesce(t.birth_place_key, h.birth_place_key) as birth_place_key, coalesce(h.nik_digest, t.nik_digest) as nik_digest,
  coalesce(t.sex, h.sex) as sex
from work t join sdmk.health_worker h on h.id = t.health_worker_id
where t.outcome in ('linked', 'updated', 'unchanged') and not t.ending_only;
analyze retold;

-- Not materialized, as below: the planner knows much of the table and nothing of what it holds in hand.
with newcomer as not materialized (
  select row_no, nik_digest, name_key, birth_date, birth_place_key, sex from work where outcome is null and name_key is not null
), beside_retold as not materialized (
  -- Nobody, and nothing is read, where no row tells of somebody known.
  select * from newcomer where exists (select from retold)
), candidate as (
  :lookalikes(newcomer, sdmk.health_worker)
  union
  :lookalikes(beside_retold, retold)
), grouped as (
  select row_no, array_agg(id order by id) as candidates from candidate group by row_no
)
update work w
set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', candidates = grouped.candidates,
  urgent = sdmk.is_urgent(w.status)
from grouped
where w.row_no = grouped.row_no;
