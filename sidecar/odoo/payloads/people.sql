-- The people $1 and the registrations $2 as they are now, with all registrations of these people and the people of these
-- registrations; as one JSON text. Who is gone is told with a version above every one that they had: ids never come back.
-- Ids go in as arrays, so that the indexes are used however large the registry is.
with person_id as materialized (
  select id from unnest($1::bigint[]) as id
  union
  select r.health_worker_id from sdmk.registration r where r.id = any ($2::bigint[])
), person as materialized (
  select to_jsonb(h) as told from (@health-worker.sql) h where h.id = any (array(select id from person_id))
  union all
  select jsonb_build_object('id', i.id, 'version', nextval('sdmk.version_seq'), 'active', false)
  from person_id i
  where not exists (select from sdmk.health_worker h where h.id = i.id)
), registration as materialized (
  select to_jsonb(r) as told from (@registration.sql) r
  where r.health_worker_id = any (array(select id from person_id))
  union all
  select jsonb_build_object('id', a.id, 'version', nextval('sdmk.version_seq'), 'active', false)
  from unnest($2::bigint[]) as a (id)
  where not exists (select from sdmk.registration r where r.id = a.id)
)
select
  jsonb_build_object(
    'health_workers', coalesce((select jsonb_agg(jsonb_strip_nulls(told)) from person), '[]'),
    'registrations', coalesce((select jsonb_agg(jsonb_strip_nulls(told)) from registration), '[]')
  )::text as payload,
  (select count(*) from person) + (select count(*) from registration) as rows
