-- reads: kki.change, sdmk.registration
-- writes: nothing
-- Counts licences that were active before batch $1 and are deactivated now, by profession, without licences that a newer one
-- replaces or that the batch created. The changes are read only once, because they are not in the statistics yet: PostgreSQL
-- would plan a second read of all of them for each licence.
select r.profession, count(*) as deactivated
from (
  select registration_id from kki.change
  where batch_id = $1 and registration_id is not null
  group by registration_id
  having bool_or(registration_before ->> 'status' = 'active') and not bool_or(registration_before is null)
) c
join sdmk.registration r on r.id = c.registration_id
where sdmk.is_deactivated(r.status)
group by r.profession;
