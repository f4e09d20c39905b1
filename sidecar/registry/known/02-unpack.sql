-- The known rows of batch $1 one by one, and STR and profession of each where its registration has not moved since. In the order in
-- which registrations are stored: each page of them is read once, whatever share of them the batch knows.
create temp table known on commit drop as
select m.*, r.str_number, r.profession
from (
  select k.page, u.page_row, u.row_no, u.registration_id, u.registration_version, u.warning
  from kki.staged_known k
  cross join unnest(k.page_rows, k.row_nos, k.registration_ids, k.registration_versions, k.warnings)
    as u (page_row, row_no, registration_id, registration_version, warning)
  where k.batch_id = $1
  order by u.registration_id
) m
left join lateral (
  select r.str_number, r.profession from sdmk.registration r
  where r.id = m.registration_id and r.version = m.registration_version
  limit 1
) r on true
