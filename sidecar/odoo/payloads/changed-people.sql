-- The people of the change records $2 to $3 of batch $1, including deleted ones. Also their registrations that were deleted or
-- moved to another person; the other registrations are sent with their people.
select coalesce(array_agg(distinct c.health_worker_id), '{}') as people,
  coalesce(array_agg(distinct c.registration_id) filter (where c.registration_id is not null and r.id is null), '{}')
    as registrations
from kki.change c
left join sdmk.registration r on r.id = c.registration_id and r.health_worker_id = c.health_worker_id
where c.batch_id = $1 and c.id between $2 and $3;
