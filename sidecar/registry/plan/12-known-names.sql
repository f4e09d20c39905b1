-- Rule 8 against the registry: nobody holds the STR, a NIK is missing on a side, and name, birth date and birthplace
-- agree with somebody: as the registry knows them, or as other rows of the batch tell of them. A row with a NIK need only
-- be compared with people who have none.
create temp table retold on commit drop as
select h.id, t.name_key, coalesce(t.birth_date, h.birth_date) as birth_date,
  coalesce(t.birth_place_key, h.birth_place_key) as birth_place_key, coalesce(h.nik_digest, t.nik_digest) as nik_digest
from work t join sdmk.health_worker h on h.id = t.health_worker_id
where t.outcome in ('linked', 'updated', 'unchanged') and not t.ending_only;

with candidate as (
  select w.row_no, h.id
  from work w
  join sdmk.health_worker h
    on h.name_key = w.name_key and h.birth_date = w.birth_date and h.birth_place_key = w.birth_place_key
  where w.outcome is null and w.nik_digest is null
  union all
  select w.row_no, h.id
  from work w
  join sdmk.health_worker h
    on h.name_key = w.name_key and h.birth_date = w.birth_date and h.birth_place_key = w.birth_place_key
    and h.nik_digest is null
  where w.outcome is null and w.nik_digest is not null
  union
  select w.row_no, h.id
  from work w
  join retold h on h.name_key = w.name_key and h.birth_date = w.birth_date and h.birth_place_key = w.birth_place_key
  where w.outcome is null and (w.nik_digest is null or h.nik_digest is null)
), grouped as (
  select row_no, array_agg(distinct id order by id) as candidates from candidate group by row_no
)
update work w
set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', candidates = grouped.candidates,
  urgent = w.status in ('suspended', 'inactive', 'revoked', 'deceased')
from grouped
where w.row_no = grouped.row_no;
