-- reads: pg_class, plan_row, sdmk.health_worker, sdmk.registration
-- writes: nothing
-- Counts the rows of the plan, without rejected ones, whose person or registration has changed since. Also returns whether
-- rows change registrations or create people, and whether they are more than the registry's rows by its statistics.
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
