-- The people $1 and the people of the registrations $2.
select coalesce(array_agg(id), '{}') as ids from (
  select id from unnest($1::bigint[]) as id
  union
  select r.health_worker_id from sdmk.registration r where r.id = any ($2::bigint[])
) p
