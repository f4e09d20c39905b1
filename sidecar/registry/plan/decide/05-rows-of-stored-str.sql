-- reads: kki.batch, kki.change, kki.run, sdmk.health_worker, sdmk.registration, staged_row, staged_unchanged, unchanged
-- writes: work
-- Rows of a file without their own stamps all have the same stamp. If the file lists an STR more than once, rule 1 decides
-- which row counts. It may be stored by this batch, another batch of the file, or an earlier load of it with the same
-- description. After that, the other rows are not compared with it, because they would replace it each time.
update work w
set outcome = 'unchanged', rule = 1, health_worker_id = r.health_worker_id, registration_id = r.id
from sdmk.registration r
join sdmk.health_worker h on h.id = r.health_worker_id
where w.outcome is null and not w.deactivation_only and w.problems is null
  and r.str_number = w.str_number and r.profession = w.profession and r.source_at = w.source_at
  and (sdmk.status_rank(w.status), w.content_hash) < (sdmk.status_rank(r.stated_status), r.content_hash)
  -- A row with a new NIK is still used for the NIK.
  and (w.nik_digest is null or h.nik_digest is not null)
  and sdmk.same_person(
    sdmk.agreement(w.nik_digest, h.nik_digest), sdmk.name_agreement(w.name_key, h.name_key),
    sdmk.date_agreement(w.birth_date, h.birth_date), sdmk.place_agreement(w.birth_place_key, h.birth_place_key),
    sdmk.agreement(w.sex, h.sex)
  )
  and (
    r.id in (
      select registration_id from unchanged
      union all
      select unnest(registration_ids) from staged_unchanged
    )
    or exists (
      select
      from (
        select b.run_id from kki.change c join kki.batch b on b.id = c.batch_id
        where c.registration_id = r.id order by c.id desc limit 1
      ) last
      join kki.run stored on stored.id = last.run_id and stored.mode = 'file'
      join kki.batch this on this.id = (select batch_id from staged_row limit 1)
      join kki.run on run.id = this.run_id and run.request_digest = stored.request_digest
    )
  );
