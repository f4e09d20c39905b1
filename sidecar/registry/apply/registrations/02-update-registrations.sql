-- reads: plan_row, sdmk.registration, staged_row
-- writes: kki.change, sdmk.registration
-- Registrations that changed, with a change record for each and its former values. A row of which only the deactivation may
-- be used changes status, end date and stamp; a row without a readable profession applies to every registration of its STR.
with named as (
  select p.row_no, p.registration_id as id
  from plan_row p
  where p.deactivation_only = $2 and p.registration_id is not null and p.outcome in ('updated', 'created')
  union all
  select p.row_no, r.id
  from plan_row p
  join staged_row s on s.row_no = p.row_no
  join sdmk.registration r on r.str_number = s.str_number
    and not sdmk.is_overruled(s.source_at, p.status, s.source_status, r.source_at, r.stated_status, r.source_status)
    and (r.source_at, r.stated_status) is distinct from (s.source_at, s.status)
  where p.deactivation_only = $2 and p.registration_id is null and p.outcome = 'updated'
), target as (
  select p.row_no, p.outcome, p.health_worker_id, case when kept.is_newer then r.status else p.status end as new_status,
    p.rule, p.evidence, p.warnings as plan_warnings, r.id, r as before, p.deactivation_only,
    said.*
  from named n
  join plan_row p on p.row_no = n.row_no
  join staged_row s on s.row_no = n.row_no
  join sdmk.registration r on r.id = n.id
  -- A decision about an older row decides the holder of the licence, not its later status. A death concerns only its person.
  cross join lateral (
    select sdmk.is_overruled(s.source_at, p.status, s.source_status, r.source_at, r.stated_status, r.source_status)
      and r.stated_status <> 'deceased' as is_newer
  ) kept
  cross join lateral (
    select s.status as stated_status, s.str_raw, s.str_format, s.competence, s.source_status, s.issued_on, s.valid_until,
      s.is_lifetime, s.institution, s.graduation_year, s.province, s.source_at, s.content_hash, s.warnings
    where not kept.is_newer
    union all
    select r.stated_status, r.str_raw, r.str_format, r.competence, r.source_status, r.issued_on, r.valid_until,
      r.is_lifetime, r.institution, r.graduation_year, r.province, r.source_at, r.content_hash, r.warnings
    where kept.is_newer
  ) said
), updated as (
  update sdmk.registration r
  set
    health_worker_id = t.health_worker_id,
    str_raw = case when t.deactivation_only then r.str_raw else t.str_raw end,
    str_format = case when t.deactivation_only then r.str_format else t.str_format end,
    competence = case when t.deactivation_only then r.competence else t.competence end,
    -- The status that follows from the person's other licences is derived after all of them are stored.
    status = case when t.stated_status = 'active' and r.status in ('replaced', 'deceased') then r.status else t.new_status end,
    stated_status = t.stated_status,
    source_status = t.source_status,
    issued_on = case when t.deactivation_only then r.issued_on else t.issued_on end,
    valid_until = case when t.deactivation_only then coalesce(t.valid_until, r.valid_until) else t.valid_until end,
    is_lifetime = case when t.deactivation_only then r.is_lifetime else t.is_lifetime end,
    institution = case when t.deactivation_only then r.institution else t.institution end,
    graduation_year = case when t.deactivation_only then r.graduation_year else t.graduation_year end,
    province = case when t.deactivation_only then r.province else t.province end,
    source_at = t.source_at,
    content_hash = t.content_hash,
    warnings = nullif(t.warnings || t.plan_warnings, '{}'),
    match_reason = concat_ws(' ', t.rule, nullif(t.evidence, '')),
    version = nextval('sdmk.version_seq'),
    updated_at = now()
  from (
    -- A row without a readable profession may apply to a registration that another row changes too.
    select distinct on (id) * from target
    order by id, source_at desc, sdmk.status_rank(stated_status) desc, content_hash desc, row_no
  ) t
  where r.id = t.id
  returning r.id, t.row_no, t.outcome, t.health_worker_id, kki.changed_fields(t.before, r) as before
)
insert into kki.change (batch_id, row_no, operation, health_worker_id, registration_id, registration_before)
select $1, row_no, outcome, health_worker_id, id, before from updated order by id;
