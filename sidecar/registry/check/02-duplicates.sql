-- reads: block, kki.change, kki.rejection, sdmk.health_worker, sdmk.registration
-- writes: duplicate
-- Pairs of similar people by rule 8, and the licences about whose holder a reviewer is asked: those of the younger person
-- (of the block), or of the older one if the younger has none. If neither has a licence, there is nothing to ask, and
-- registration_id is null.
create temp table duplicate on commit drop as
with decided as materialized (
  select least(r.health_worker_id, c.id) as older_id, greatest(r.health_worker_id, c.id) as younger_id
  from kki.rejection d
  join sdmk.registration r on r.str_number = d.str_number
  cross join unnest(d.candidates) c (id)
  where d.state in ('dismissed', 'resolved')
), pair as (
  select a.row_no as younger_id, a.id as older_id, exists (
    select from sdmk.registration r where r.health_worker_id = a.row_no and r.erased_at is null
  ) as is_younger_licensed
  from sdmk.lookalikes('block', 'sdmk.health_worker') a
  join sdmk.health_worker o on o.id = a.id and o.restricted_at is null and o.erased_at is null
  where a.id < a.row_no
    and not exists (select from decided d where d.older_id = a.id and d.younger_id = a.row_no)
    -- A person who had licences and has none any more: a decision gave them to another person.
    and not exists (
      select from sdmk.health_worker s
      where s.id in (a.row_no, a.id)
        and not exists (select from sdmk.registration r where r.health_worker_id = s.id)
        and exists (select from kki.change c where c.health_worker_id = s.id and c.registration_id is not null)
    )
), asked as (
  select case when is_younger_licensed then younger_id else older_id end as holder_id,
    case when is_younger_licensed then older_id else younger_id end as other_id
  from pair
)
select a.holder_id, a.other_id, r.id as registration_id
from asked a
left join sdmk.registration r on r.health_worker_id = a.holder_id and r.erased_at is null;
