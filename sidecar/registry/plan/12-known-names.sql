-- Rule 8 against the registry: nobody holds the STR, a NIK is missing on a side, and name, birth date and birthplace
-- agree with somebody. A row with a NIK need only be compared with people who have none.
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
), grouped as (
  select row_no, array_agg(id order by id) as candidates from candidate group by row_no
)
update work w
set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', candidates = grouped.candidates,
  urgent = w.status in ('suspended', 'inactive', 'revoked', 'deceased')
from grouped
where w.row_no = grouped.row_no;
