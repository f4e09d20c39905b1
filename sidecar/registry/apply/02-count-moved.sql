-- How many rows the plan has that are not refused, how many of them no longer fit, since their person or registration has
-- moved, and whether some of them change registrations or create people.
select
  count(*) as rows,
  count(*) filter (
    where (p.health_worker_version is not null and h.version is distinct from p.health_worker_version)
      or (p.registration_version is not null and r.version is distinct from p.registration_version)
  ) as moved,
  coalesce(bool_or(p.outcome = 'updated' or p.registration_id is not null), false) as "hasUpdates",
  coalesce(bool_or(p.outcome = 'created'), false) as "hasCreated"
from kki.plan_row p
left join sdmk.health_worker h on h.id = p.health_worker_id
left join sdmk.registration r on r.id = p.registration_id
where p.batch_id = $1 and p.outcome <> 'rejected';
