-- reads: kki.change, sdmk.registration, undo_registration
-- writes: touched
-- People whose statuses must be derived again: fields were left, or referred to a registration that is deleted now.
create temp table touched on commit drop as
select c.health_worker_id from kki.change c where c.batch_id = $1 and c.registration_id is not null
union
select (c.registration_before ->> 'health_worker_id')::bigint from kki.change c
where c.batch_id = $1 and c.registration_before ? 'health_worker_id'
union
-- The holders of remaining registrations.
select r.health_worker_id from undo_registration own join sdmk.registration r on r.id = own.id
union
select r.health_worker_id from undo_registration pointed join sdmk.registration r on r.replaced_by = pointed.id
where pointed.is_new and not pointed.is_touched;
