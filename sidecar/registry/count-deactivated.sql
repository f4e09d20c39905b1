-- reads: kki.change, sdmk.registration
-- writes: nothing
-- Licences that were active before batch $1 and are deactivated now, by profession. Licences that a newer one replaces do
-- not count, nor do those that the batch itself created.
select r.profession, count(distinct r.id) as deactivated
from kki.change c
join sdmk.registration r on r.id = c.registration_id
where c.batch_id = $1 and c.registration_before ->> 'status' = 'active'
  and sdmk.is_deactivated(r.status)
  and not exists (
    select from kki.change n
    where n.batch_id = $1 and n.registration_id = r.id and n.registration_before is null
  )
group by r.profession;
