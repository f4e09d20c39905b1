-- Deleted people among $1, deleted registrations among $2, and registrations of restricted people, each with a version above
-- all its earlier ones: ids are never used again, and a record that is shown again gets a newer version.
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
