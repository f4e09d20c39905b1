-- How many rows of the plan no longer fit: their person or registration has moved since it was made.
select count(*) as moved
from kki.plan_row p
left join sdmk.health_worker h on h.id = p.health_worker_id
left join sdmk.registration r on r.id = p.registration_id
where p.batch_id = $1 and p.outcome <> 'rejected'
  and (
    (p.health_worker_version is not null and h.version is distinct from p.health_worker_version)
    or (p.registration_version is not null and r.version is distinct from p.registration_version)
  );
