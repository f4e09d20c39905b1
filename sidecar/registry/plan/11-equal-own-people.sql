-- Somebody without NIK and STR of whom SDMK has told before, word for word, is no look-alike: an import may be repeated.
update work w
set outcome = 'unchanged', rule = 8, health_worker_id = h.id
from kki.staged_row s
join sdmk.health_worker h
  on h.name_key = s.name_key and h.birth_date = s.birth_date and h.birth_place_key = s.birth_place_key
where s.batch_id = $1 and s.person_at is not null and s.str_number is null and s.nik_digest is null
  and w.row_no = s.row_no and w.outcome is null
  and h.nik_digest is null and h.name_at = 'infinity'
  and (h.name, h.title_prefix, h.title_suffix, h.birth_place, h.sex)
    is not distinct from (s.name, s.title_prefix, s.title_suffix, s.birth_place, s.sex);
