-- reads: sdmk.registration, staged_rejection, staged_row, staged_unchanged
-- writes: kki.shown
-- Registrations that batch $1 of the full run $2 shows, if they were stored before that run began ($3). A row without a
-- readable profession shows every registration of its STR. Registrations that were stored later cannot be missed.
insert into kki.shown (batch_id, run_id, registration_ids)
select $1, $2, coalesce(array_agg(id), '{}')
from (
  select unnest(registration_ids) as id from staged_unchanged
  union all
  select r.id
  from staged_row s
  join sdmk.registration r on r.str_number = s.str_number and s.profession in (r.profession, '')
  where r.created_at < $3
  union all
  select r.id
  from staged_rejection s
  join sdmk.registration r on r.str_number = s.str_number and coalesce(s.profession, r.profession) in (r.profession, '')
  where r.created_at < $3
) shown
on conflict on constraint shown_pkey do nothing;
