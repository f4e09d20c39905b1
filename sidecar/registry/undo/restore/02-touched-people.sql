-- reads: kki.change, sdmk.registration, undo_registration
-- writes: touched
-- Whose licences need another look: something of them was left, or pointed to a registration that goes now.
create temp table touched on commit drop as
select c.health_worker_id from kki.change c where c.batch_id = $1 and c.registration_id is not null
union
select (c.registration_before ->> 'health_worker_id')::bigint from kki.change c
where c.batch_id = $1 and c.registration_before ? 'health_worker_id'
union
-- Who holds what is left.
select r.health_worker_id from undo_registration own join sdmk.registration r on r.id = own.id
union
select r.health_worker_id from undo_registration pointed join sdmk.registration r on r.replaced_by = pointed.id
where pointed.is_new and not pointed.is_touched;
