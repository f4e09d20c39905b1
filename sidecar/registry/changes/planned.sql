-- reads: kki.plan_row, kki.staged_row, sdmk.health_worker, sdmk.registration
-- writes: nothing
-- What the plan of batch $1 would do after row $2, at most $3 rows; of outcome $4 and with effect $5 where they are given.
-- The page is found in the plan alone: rows as they came have no index, and are gone through once.
with page as materialized (
  select p.row_no, p.outcome, p.rule, p.evidence, p.problems, p.registration_id, p.health_worker_id, p.status,
    r.status as stored_status
  from kki.plan_row p
  left join sdmk.registration r on r.id = p.registration_id
  where p.batch_id = $1 and p.row_no > $2 and p.outcome <> 'unchanged'
    and ($4::text is null or p.outcome = $4)
    and case $5::text
      when 'deactivated' then p.outcome = 'updated' and r.status = 'active'
        and sdmk.is_deactivated(p.status)
      when 'name_changed' then 'NAME_CHANGED' = any (p.warnings)
      else true
    end
  order by p.row_no
  limit $3
)
select p.row_no as id, p.outcome, case when p.rule is not null then concat_ws(' ', p.rule, nullif(p.evidence, '')) end as reason,
  array(select x ->> 'code' from jsonb_array_elements(p.problems) x) as codes,
  s.str_number as "strNumber", nullif(s.profession, '') as profession, p.registration_id as "registrationId",
  p.stored_status as "statusBefore", case when p.outcome in ('created', 'linked', 'updated') then p.status end as "statusAfter",
  h.id as "healthWorkerId", case when h.restricted_at is null then h.name end as "nameBefore",
  case when h.restricted_at is null then nullif(s.name, '') end as "nameAfter",
  h.restricted_at is null and coalesce(s.nik_digest, h.nik_digest) is not null as "hasNik", '{}'::text[] as fields
from page p
join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
left join sdmk.health_worker h on h.id = p.health_worker_id
order by p.row_no;
