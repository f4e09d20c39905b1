-- reads: kki.change, sdmk.registration
-- writes: nothing
-- Licences that were active before batch $1 and are deactivated now, by profession. Licences that a newer one replaces do
-- not count, nor do those that the batch itself created. The changes are read once: the statistics know nothing of them yet,
-- and a second look for each licence would read all of them.
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
