-- reads: kki.change
-- writes: nothing
-- Licences and people that batch $1 changed, and the former holders of licences that moved to another person.
select c.registration_id as "registrationId", c.health_worker_id as "healthWorkerId",
  (c.registration_before ->> 'health_worker_id')::bigint as "formerHolderId"
from kki.change c
where c.batch_id = $1;
