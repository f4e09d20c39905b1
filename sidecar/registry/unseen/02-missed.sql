-- Registrations of the professions $2 (null: all but $3) that were stored before the walk of batch $1 began ($4) and that
-- it does not show.
insert into kki.unseen (registration_id, missed_runs, last_batch_id)
select r.id, 1, $1
from sdmk.registration r
where r.created_at < $4
  and ($2::text[] is null or r.profession = any ($2))
  and r.profession <> all ($3::text[])
  and not exists (
    select from (select unnest(registration_ids) as id from kki.staged_known where batch_id = $1) k where k.id = r.id
  )
  and not exists (
    select from kki.staged_row s
    where s.batch_id = $1 and s.str_number = r.str_number and s.profession = r.profession
  )
  and not exists (
    select from kki.staged_row s where s.batch_id = $1 and s.str_number = r.str_number and s.profession = ''
  )
  and not exists (
    select from kki.staged_rejection s
    where s.batch_id = $1 and s.str_number = r.str_number and coalesce(s.profession, r.profession) in (r.profession, '')
  )
order by r.id
on conflict on constraint unseen_pkey do update
set missed_runs = unseen.missed_runs + 1, last_missed_at = now(), last_batch_id = excluded.last_batch_id;
