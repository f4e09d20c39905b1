-- reads: kki.batch, kki.shown, sdmk.registration
-- writes: kki.not_listed
-- Counts the registrations of the professions $2 (null: all) that were stored before run $1 began ($3) and that none of its
-- batches has shown.
insert into kki.not_listed (registration_id, missed_runs, last_batch_id)
select r.id, 1, (select max(id) from kki.batch where run_id = $1)
from sdmk.registration r
where r.created_at < $3
  and ($2::text[] is null or r.profession = any ($2))
  and not exists (
    select from (select unnest(registration_ids) as id from kki.shown where run_id = $1) s where s.id = r.id
  )
order by r.id
on conflict on constraint not_listed_pkey do update
set missed_runs = not_listed.missed_runs + 1, last_missed_at = now(), last_batch_id = excluded.last_batch_id;
