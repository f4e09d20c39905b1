-- Takes the people whom the plan of batch $1 will change, and those who will lose a registration to a decision, in the
-- order that all batches keep.
select h.id
from sdmk.health_worker h
where h.id in (
  select p.health_worker_id from kki.plan_row p
  where p.batch_id = $1 and p.health_worker_version is not null and p.outcome <> 'rejected'
  union all
  select r.health_worker_id from kki.plan_row p join sdmk.registration r on r.id = p.registration_id
  where p.batch_id = $1 and p.rule = 0
)
order by h.id
for no key update;
