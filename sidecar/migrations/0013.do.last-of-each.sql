-- The last change of a licence or a person, and the last time that a row was refused, are looked for by indexes that end with
-- the order: of a table that has just filled, the planner otherwise takes the way back through all of it for the shorter one.
drop index kki.change_registration_id_idx;
create index change_registration_id_idx on kki.change (registration_id, id) where registration_id is not null;
drop index kki.change_health_worker_id_idx;
create index change_health_worker_id_idx on kki.change (health_worker_id, id);
drop index kki.rejection_occurrence_rejection_id_idx;
create index rejection_occurrence_rejection_id_idx on kki.rejection_occurrence (rejection_id, batch_id, row_no);
