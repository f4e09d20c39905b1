-- reads: kki.change, page, sdmk.health_worker, sdmk.registration
-- writes: nothing
-- The complete lines of a page. A value that a later change replaced is read from the record of that change.
select page.id, page.operation as outcome, r.match_reason as reason, '{}'::text[] as codes,
  r.str_number as "strNumber", r.profession, page.registration_id as "registrationId",
  case
    when page.registration_id is null or (page.operation in ('created', 'linked') and page.registration_before is null) then null
    else coalesce(page.registration_before ->> 'status', after.status)
  end as "statusBefore",
  after.status as "statusAfter",
  page.health_worker_id as "healthWorkerId",
  case when page.operation <> 'created' and h.restricted_at is null
    then coalesce(page.health_worker_before ->> 'name', after.name) end as "nameBefore",
  case when h.restricted_at is null then after.name end as "nameAfter",
  h.restricted_at is null and h.nik_digest is not null as "hasNik", h.restricted_at is not null as "isRestricted", undo, rank,
  coalesce(page.registration_before, '{}') || coalesce(page.health_worker_before, '{}') as before,
  coalesce((
    select jsonb_object_agg(f.field, coalesce((
      select l.registration_before -> f.field from kki.change l
      where l.registration_id = page.registration_id and l.id > page.id and l.registration_before ? f.field
      order by l.id limit 1
    ), to_jsonb(r) -> f.field))
    from jsonb_object_keys(page.registration_before) f (field)
  ), '{}') || coalesce((
    select jsonb_object_agg(f.field, coalesce((
      select l.health_worker_before -> f.field from kki.change l
      where l.health_worker_id = page.health_worker_id and l.id > coalesce(page.person_change_id, page.id)
        and l.health_worker_before ? f.field
      order by l.id limit 1
    ), to_jsonb(h) -> f.field))
    from jsonb_object_keys(page.health_worker_before) f (field)
  ), '{}') as after
from page
left join sdmk.registration r on r.id = page.registration_id
left join sdmk.health_worker h on h.id = page.health_worker_id
cross join lateral (
  select
    coalesce((
      select l.registration_before ->> 'status' from kki.change l
      where l.registration_id = page.registration_id and l.id > page.id and l.registration_before ? 'status'
      order by l.id limit 1
    ), r.status) as status,
    coalesce((
      select l.health_worker_before ->> 'name' from kki.change l
      where l.health_worker_id = page.health_worker_id and l.id > coalesce(page.person_change_id, page.id)
        and l.health_worker_before ? 'name'
      order by l.id limit 1
    ), h.name) as name
) after
order by rank, page.id;
