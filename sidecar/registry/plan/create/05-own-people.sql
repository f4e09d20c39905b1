-- reads: sdmk.health_worker, sdmk.registration, staged_row, work
-- writes: work
-- Imports only: rows of SDMK's own people that match a person. Their person fields count. About a licence that KKI has sent
-- they know nothing better, and none of them is a deactivation that must not be lost.
with own as (
  select w.row_no, w.outcome, s.str_number,
    w.outcome = 'linked' and s.str_number is not null as is_new_licence,
    r.source_at = '-infinity' and r.content_hash <> s.content_hash as is_own_licence,
    h.id is null
      or h.name_at <> 'infinity'
      or (h.name, h.title_prefix, h.title_suffix) is distinct from (s.name, s.title_prefix, s.title_suffix)
      or (s.nik_digest is not null and h.nik_at is distinct from 'infinity')
      or (s.birth_place is not null
        and (h.birth_place, h.birth_place_at) is distinct from (s.birth_place, s.person_at))
      or (s.birth_date is not null and (h.birth_date, h.birth_date_at) is distinct from (s.birth_date, s.person_at))
      or (s.sex is not null and (h.sex, h.sex_at) is distinct from (s.sex, s.person_at)) as is_news
  from work w
  join staged_row s on s.row_no = w.row_no and s.person_at is not null
  left join sdmk.health_worker h on h.id = w.health_worker_id
  left join sdmk.registration r on r.id = w.registration_id
  where w.outcome in ('linked', 'updated', 'unchanged', 'rejected')
)
update work w
set
  outcome = case
    when o.outcome = 'rejected' or o.is_new_licence then o.outcome
    when o.is_own_licence or o.is_news then 'updated'
    else 'unchanged'
  end,
  registration_id = case when o.is_own_licence then w.registration_id end,
  registration_version = case when o.is_own_licence then w.registration_version end,
  urgent = false,
  warnings = array_remove(w.warnings, 'STALE')
from own o
where w.row_no = o.row_no;
