-- reads: kki.change, sdmk.health_worker
-- writes: nothing
-- Locks the people of batch $1, so that no other batch adds to them. Returns only a count, so that no ids are transferred.
with person as (
  select h.id
  from sdmk.health_worker h
  where h.id in (
    select health_worker_id from kki.change where batch_id = $1
    union all
    select (registration_before ->> 'health_worker_id')::bigint from kki.change
    where batch_id = $1 and registration_before ? 'health_worker_id'
  )
  order by h.id
  for update
)
select count(*) from person;
