-- Registrations that changed, and a change record for each with what they were. A row of which only the ending may be
-- used touches status, end date and stamp; one without a readable profession speaks of every registration of its STR.
with target as (
  select p.row_no, p.health_worker_id, p.status as new_status, p.rule, p.evidence, p.warnings as plan_warnings,
    r.id, r as before,
    s.ending_only, s.status as stated_status, s.str_raw, s.str_format, s.competence, s.source_status, s.issued_on, s.valid_until, s.is_lifetime,
    s.institution, s.graduation_year, s.province, s.source_at, s.content_hash, s.warnings
  from kki.plan_row p
  join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
  join sdmk.registration r
    on r.id = p.registration_id
    or (p.registration_id is null and r.str_number = s.str_number and r.source_at < s.source_at)
  where p.batch_id = $1 and p.outcome = 'updated' and s.ending_only = $2
), updated as (
  update sdmk.registration r
  set
    str_raw = case when t.ending_only then r.str_raw else t.str_raw end,
    str_format = case when t.ending_only then r.str_format else t.str_format end,
    competence = case when t.ending_only then r.competence else t.competence end,
    status = t.new_status,
    stated_status = t.stated_status,
    source_status = t.source_status,
    issued_on = case when t.ending_only then r.issued_on else t.issued_on end,
    valid_until = case when t.ending_only then coalesce(t.valid_until, r.valid_until) else t.valid_until end,
    is_lifetime = case when t.ending_only then r.is_lifetime else t.is_lifetime end,
    institution = case when t.ending_only then r.institution else t.institution end,
    graduation_year = case when t.ending_only then r.graduation_year else t.graduation_year end,
    province = case when t.ending_only then r.province else t.province end,
    source_at = t.source_at,
    content_hash = t.content_hash,
    warnings = nullif(t.warnings || t.plan_warnings, '{}'),
    match_reason = concat_ws(' ', t.rule, nullif(t.evidence, '')),
    version = nextval('sdmk.version_seq'),
    updated_at = now()
  from (select * from target order by id) t
  where r.id = t.id
  returning r.id, t.row_no, t.health_worker_id, (t.before).status as old_status, r.status as new_status,
    kki.changed_fields(to_jsonb(t.before), to_jsonb(r)) as before
), changed as (
  insert into kki.change (batch_id, row_no, operation, health_worker_id, registration_id, health_worker_before, registration_before)
  select $1, u.row_no, 'updated', u.health_worker_id, u.id, kki.changed_fields(to_jsonb(m.before), to_jsonb(h)), u.before
  from updated u
  left join merged m on m.id = u.health_worker_id and not $2
  left join sdmk.health_worker h on h.id = m.id
  order by u.id
)
select count(*) filter (
  where old_status = 'active' and new_status in ('suspended', 'inactive', 'revoked', 'expired', 'deceased')
) as deactivated
from updated;
