-- reads: sdmk.health_worker, staged_row
-- writes: work
-- Imports only, since an import may be repeated: a row without NIK and STR whose values are identical to the stored ones is
-- no lookalike.
update work w
set outcome = 'unchanged', rule = 8, health_worker_id = h.id
from staged_row s
join sdmk.health_worker h
  on h.name_key = s.name_key and h.birth_date = s.birth_date and h.birth_place_key = s.birth_place_key
where s.person_at is not null and s.str_number is null and s.nik_digest is null
  and w.row_no = s.row_no and w.outcome is null
  and h.nik_digest is null and h.name_at = 'infinity'
  and (h.name, h.title_prefix, h.title_suffix, h.birth_place, h.sex)
    is not distinct from (s.name, s.title_prefix, s.title_suffix, s.birth_place, s.sex);
