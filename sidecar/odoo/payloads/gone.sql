-- Those of the people $1 and of the registrations $2 who are gone, and the registrations of restricted people, each with a
-- version above every one that it had: ids never come back, and what is shown again has a newer version.
select 'health_workers' as kind, p.id, nextval('sdmk.version_seq') as version
from unnest($1::bigint[]) as p (id)
where not exists (select from sdmk.health_worker h where h.id = p.id)
union all
select 'registrations', a.id, nextval('sdmk.version_seq')
from (
  select id from unnest($2::bigint[]) as a (id)
  where not exists (select from sdmk.registration r where r.id = a.id)
  union
  select r.id from sdmk.registration r join sdmk.health_worker h on h.id = r.health_worker_id
  where h.id = any ($1) and h.restricted_at is not null
) a
order by kind, id
