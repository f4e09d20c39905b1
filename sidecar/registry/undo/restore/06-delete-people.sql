-- reads: undo_person
-- writes: sdmk.health_worker
-- Deletes people that the batch created and who are not needed.
delete from sdmk.health_worker h
using undo_person u
where h.id = u.id and u.is_new and not u.is_needed;
