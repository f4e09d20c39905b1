-- reads: kki.change, sdmk.health_worker
-- writes: nothing
-- The people of batch $1: from here on nobody adds to them. Counted, so that their ids do not travel.
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
