-- reads: sdmk.health_worker, undo_person
-- writes: sdmk.former_nik
-- Deletes a former NIK that is the person's present NIK again.
delete from sdmk.former_nik f
using undo_person u, sdmk.health_worker h
where f.health_worker_id = u.id and h.id = u.id and f.nik_digest = h.nik_digest;
