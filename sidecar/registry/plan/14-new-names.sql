-- Rule 8 inside the batch: of rows that would create people of the same name, birth date and birthplace, of whom one
-- has no NIK, the oldest creates and the others wait for a person to decide.
with lookalike as (
  select distinct name_key, birth_date, birth_place_key
  from work
  where outcome is null and nik_digest is null
    and name_key is not null and birth_date is not null and birth_place_key is not null
), ranked as (
  select w.row_no, w.nik_digest,
    first_value(w.row_no) over oldest as first_row_no,
    first_value(w.nik_digest) over oldest as first_nik
  from work w
  join lookalike l using (name_key, birth_date, birth_place_key)
  where w.outcome is null and w.status = 'active'
  window oldest as (partition by name_key, birth_date, birth_place_key order by w.source_at, w.content_hash, w.row_no)
)
update work w
set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', leader_row_no = r.first_row_no
from ranked r
where w.row_no = r.row_no and r.row_no <> r.first_row_no and (r.nik_digest is null or r.first_nik is null);
