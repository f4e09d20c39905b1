-- reads: plan_row, sdmk.health_worker, sdmk.registration
-- writes: nothing
-- Locks the people that the plan of the batch will change, and those who will lose a registration by a decision, in the
-- order of all batches.
select h.id
from sdmk.health_worker h
where h.id in (
  select p.health_worker_id from plan_row p
  where p.health_worker_version is not null and p.outcome <> 'rejected'
  union all
  select r.health_worker_id from plan_row p join sdmk.registration r on r.id = p.registration_id
  where p.rule = 0
)
order by h.id
for no key update;
