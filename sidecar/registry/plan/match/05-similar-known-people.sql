-- reads: newcomer, sdmk.health_worker, work
-- writes: retold, work
-- Rule 8 against the registry: no known person has the STR or the NIK, and one is similar, with its stored values or with
-- those of other rows of the batch (retold).
create temp table retold on commit drop as
select h.id, t.name_key, coalesce(t.birth_date, h.birth_date) as birth_date,
  coalesce(t.birth_place_key, h.birth_place_key) as birth_place_key, coalesce(h.nik_digest, t.nik_digest) as nik_digest,
  coalesce(t.sex, h.sex) as sex
from work t join sdmk.health_worker h on h.id = t.health_worker_id
where t.outcome in ('linked', 'updated', 'unchanged') and not t.deactivation_only;
analyze retold;

with candidate as (
  select row_no, id from sdmk.lookalikes('newcomer', 'sdmk.health_worker')
  union
  select row_no, id from sdmk.lookalikes('newcomer', 'retold')
), grouped as (
  select row_no, array_agg(id order by id) as candidates from candidate group by row_no
)
update work w
set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', candidates = grouped.candidates,
  urgent = sdmk.is_urgent(w.status)
from grouped
where w.row_no = grouped.row_no;
