-- reads: plan_row, sdmk.registration, staged_row
-- writes: nothing
-- The effects of the plan on known people, by profession: licences that would go from active to a deactivated status, names
-- that would change, registrations that would be added. A death ends every active licence of its person, of any profession.
with planned as (
  select p.*, s.str_number, s.profession, s.source_at, s.source_status
  from plan_row p
  join staged_row s on s.row_no = p.row_no
  where p.outcome in ('linked', 'updated')
), ended as (
  select r.id, r.profession
  from planned p join sdmk.registration r on r.id = p.registration_id
  where p.outcome = 'updated' and r.status = 'active'
    and sdmk.is_deactivated(p.status)
  union
  -- A row without a readable profession applies to every registration of its STR.
  select r.id, r.profession
  from planned p join sdmk.registration r on r.str_number = p.str_number
    and not sdmk.is_overruled(p.source_at, p.status, p.source_status, r.source_at, r.stated_status, r.source_status)
  where p.outcome = 'updated' and p.registration_id is null and r.status = 'active'
    and sdmk.is_deactivated(p.status)
  union
  select r.id, r.profession
  from planned p join sdmk.registration r on r.health_worker_id = p.health_worker_id
  where p.status = 'deceased' and r.status = 'active'
)
select profession, sum(deactivations)::bigint as deactivations, sum(names)::bigint as "namesChanged", sum(linked)::bigint as linked
from (
  select profession, count(*) as deactivations, 0 as names, 0 as linked from ended group by profession
  union all
  select profession, 0, count(*) filter (where 'NAME_CHANGED' = any (warnings)), count(*) filter (where outcome = 'linked')
  from planned group by profession
) effect
group by profession
having sum(deactivations) + sum(names) + sum(linked) > 0
order by profession;
