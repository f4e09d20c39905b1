-- reads: pg_class, plan_row, sdmk.health_worker, sdmk.registration
-- writes: nothing
-- How many rows of the plan that are not refused no longer fit, since their person or registration has moved; and whether
-- some of them change registrations, or create people, or are more than the registry held when it was looked at last.
select
  count(*) filter (
    where (p.health_worker_version is not null and h.version is distinct from p.health_worker_version)
      or (p.registration_version is not null and r.version is distinct from p.registration_version)
  ) as moved,
  coalesce(bool_or(p.outcome = 'updated' or p.registration_id is not null), false) as "hasUpdates",
  coalesce(bool_or(p.outcome = 'created'), false) as "hasCreated",
  count(*) > (select reltuples from pg_class where oid = 'sdmk.registration'::regclass) as "isMostOfAll"
from plan_row p
left join sdmk.health_worker h on h.id = p.health_worker_id
left join sdmk.registration r on r.id = p.registration_id
where p.outcome <> 'rejected';
