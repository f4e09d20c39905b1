-- reads: kki.batch, sdmk.health_worker, sdmk.registration
-- writes: kki.rejection, kki.rejection_occurrence
-- Closes questions of earlier checks that no longer apply: the licence has another holder, or the other person was deleted.
with moot as (
  update kki.rejection d
  set state = 'cleared', closed_by_batch_id = $1, version = nextval('sdmk.version_seq')
  where d.state = 'open' and d.first_batch_id in (select id from kki.batch where kind = 'check')
    and not exists (
      select from sdmk.registration r
      cross join unnest(d.candidates) c (id)
      join sdmk.health_worker h on h.id = c.id and h.erased_at is null
      where r.str_number = d.subject and r.erased_at is null
        and (d.code = 'POSSIBLE_DUPLICATE') = (r.health_worker_id <> c.id)
    )
  returning d.id
), settled as (
  update kki.rejection_occurrence o
  set settled_by_batch_id = $1
  from moot
  where o.rejection_id = moot.id and o.settled_by_batch_id is null
)
select id from moot
