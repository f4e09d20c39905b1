-- Those of the people $1 and of the registrations $2 who are gone, each with a version above every one that it had: ids
-- never come back.
select 'health_workers' as kind, p.id, nextval('sdmk.version_seq') as version
from unnest($1::bigint[]) as p (id)
where not exists (select from sdmk.health_worker h where h.id = p.id)
union all
select 'registrations', a.id, nextval('sdmk.version_seq')
from unnest($2::bigint[]) as a (id)
where not exists (select from sdmk.registration r where r.id = a.id)
order by kind, id
