-- reads: kki.change, sdmk.registration
-- writes: nothing
-- Counts the changes of batch $1 by profession. A licence may have several change records, and a person several licences.
with renamed as materialized (
  select distinct health_worker_id from kki.change where batch_id = $1 and health_worker_before ? 'name_key'
), licence as (
  select r.profession, bool_or(c.operation = 'created') as is_created, bool_or(c.operation = 'linked') as is_linked,
    bool_or(c.operation = 'updated') as is_updated,
    bool_or(c.registration_before ->> 'status' = 'active')
      and sdmk.is_deactivated(r.status) as is_ended
  from kki.change c
  join sdmk.registration r on r.id = c.registration_id
  where c.batch_id = $1
  group by r.id
), person as (
  select r.profession, count(distinct c.health_worker_id) as renamed
  from kki.change c
  join sdmk.registration r on r.id = c.registration_id
  where c.batch_id = $1 and c.health_worker_id in (select health_worker_id from renamed)
  group by r.profession
)
select l.profession, count(*) filter (where l.is_created) as created, count(*) filter (where l.is_linked) as linked,
  count(*) filter (where l.is_updated) as updated, 0 as rejected, count(*) filter (where l.is_ended) as deactivated,
  coalesce(max(p.renamed), 0) as "namesChanged"
from licence l
left join person p on p.profession = l.profession
group by l.profession
order by l.profession;
