-- reads: kki.change, sdmk.health_worker, sdmk.registration
-- writes: nothing
-- What batch $1 did after change record $2, at most $3 of them; of operation $4 and with effect $5 where they are given. A
-- value that a later change replaced is read from that change.
select c.id, c.operation as outcome, r.match_reason as reason, '{}'::text[] as codes,
  r.str_number as "strNumber", r.profession, c.registration_id as "registrationId",
  case
    when c.registration_id is null or (c.operation in ('created', 'linked') and c.registration_before is null) then null
    else coalesce(c.registration_before ->> 'status', after.status)
  end as "statusBefore",
  after.status as "statusAfter",
  c.health_worker_id as "healthWorkerId",
  case when c.operation <> 'created' and h.restricted_at is null then coalesce(c.health_worker_before ->> 'name', after.name) end as "nameBefore",
  case when h.restricted_at is null then after.name end as "nameAfter",
  h.restricted_at is null and h.nik_digest is not null as "hasNik",
  array(
    select f from jsonb_object_keys(c.registration_before) f union all select f from jsonb_object_keys(c.health_worker_before) f
  ) as fields
from kki.change c
left join sdmk.registration r on r.id = c.registration_id
left join sdmk.health_worker h on h.id = c.health_worker_id,
lateral (
  select
    coalesce((
      select l.registration_before ->> 'status' from kki.change l
      where l.registration_id = c.registration_id and l.id > c.id and l.registration_before ? 'status'
      order by l.id limit 1
    ), r.status) as status,
    coalesce((
      select l.health_worker_before ->> 'name' from kki.change l
      where l.health_worker_id = c.health_worker_id and l.id > c.id and l.health_worker_before ? 'name'
      order by l.id limit 1
    ), h.name) as name
) after
where c.batch_id = $1 and c.id > $2
  and ($4::text is null or c.operation = $4)
  and case $5::text
    when 'deactivated' then c.registration_before ->> 'status' = 'active'
      and sdmk.is_deactivated(after.status)
    when 'name_changed' then c.health_worker_before ? 'name_key'
    else true
  end
order by c.id
limit $3;
