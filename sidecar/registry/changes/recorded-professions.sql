select r.profession,
  count(distinct r.id) filter (where c.operation = 'created') as created,
  count(distinct r.id) filter (where c.operation = 'linked') as linked,
  count(distinct r.id) filter (where c.operation = 'updated') as updated,
  0 as rejected,
  count(distinct r.id) filter (
    where c.registration_before ->> 'status' = 'active' and r.status in ('suspended', 'inactive', 'revoked', 'expired', 'deceased')
  ) as deactivated,
  count(distinct c.health_worker_id) filter (
    where exists (
      select from kki.change n
      where n.batch_id = $1 and n.health_worker_id = c.health_worker_id and n.health_worker_before ? 'name_key'
    )
  ) as "namesChanged"
from kki.change c
join sdmk.registration r on r.id = c.registration_id
where c.batch_id = $1
group by r.profession
order by r.profession;
