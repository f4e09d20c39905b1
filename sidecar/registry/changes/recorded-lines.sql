-- reads: kki.change, sdmk.health_worker, sdmk.registration
-- writes: nothing
-- The changes that batch $1 made, one line for each change of a licence. Optional filters: operation $2, profession $3, STR $4,
-- patterns of the name $5. A change of a person is part of the line of their first licence in the batch; without a licence it
-- has its own line. A line that changes only columns of $6 counts as a change of the stamp.
select c.id, p.id as person_change_id, c.operation, c.health_worker_id, c.registration_id, c.registration_before,
  coalesce(c.health_worker_before, p.health_worker_before) as health_worker_before,
  coalesce(c.registration_before ->> 'status' = 'active' and sdmk.is_deactivated(
    case when c.registration_before ->> 'status' = 'active' then coalesce((
      select l.registration_before ->> 'status' from kki.change l
      where l.registration_id = c.registration_id and l.id > c.id and l.registration_before ? 'status'
      order by l.id limit 1
    ), (select n.status from sdmk.registration n where n.id = c.registration_id)) end
  ), false) as is_deactivated,
  coalesce(coalesce(c.health_worker_before, p.health_worker_before) ? 'name_key', false) as is_renamed,
  c.operation = 'updated' and coalesce(c.registration_before, '{}') - $6::text[] = '{}'
    and coalesce(c.health_worker_before, p.health_worker_before, '{}') - $6::text[] = '{}' as is_stamp_only,
  c.registration_id is null as is_person_only
from kki.change c
left join kki.change p on p.batch_id = $1 and p.health_worker_id = c.health_worker_id and p.registration_id is null
  and c.registration_id is not null and not exists (
    select from kki.change e
    where e.batch_id = $1 and e.health_worker_id = c.health_worker_id and e.registration_id is not null and e.id < c.id
  )
left join sdmk.registration r on r.id = c.registration_id
left join sdmk.health_worker h on h.id = c.health_worker_id
where c.batch_id = $1
  and (c.registration_id is not null or not exists (
    select from kki.change f where f.batch_id = $1 and f.health_worker_id = c.health_worker_id and f.registration_id is not null
  ))
  and ($2::text is null or c.operation = $2)
  and ($3::text is null or r.profession = $3)
  and ($4::text is null or r.str_number = $4)
  and ($5::text[] is null or (h.restricted_at is null and h.name_key like all ($5)))
