-- Registrations that batch $1 shows are not missed any more; a row without a readable profession shows every one of its STR.
delete from kki.unseen u
using sdmk.registration r
where r.id = u.registration_id
  and (
    exists (select from kki.staged_known k where k.batch_id = $1 and k.registration_id = r.id)
    or exists (
      select from kki.staged_row s
      where s.batch_id = $1 and s.str_number = r.str_number and s.profession in (r.profession, '')
    )
    or exists (
      select from kki.staged_rejection s
      where s.batch_id = $1 and s.str_number = r.str_number and coalesce(s.profession, r.profession) in (r.profession, '')
    )
  );
