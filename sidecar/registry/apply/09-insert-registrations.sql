-- New registrations, and a change record for each; one also for each new person without a registration.
with inserted as (
  insert into sdmk.registration (health_worker_id, str_number, str_raw, str_format, profession, competence, status,
    stated_status, source_status, issued_on, valid_until, is_lifetime, institution, graduation_year, province, source_at, content_hash,
    warnings, match_reason)
  select
    p.health_worker_id, s.str_number, s.str_raw, s.str_format, s.profession, s.competence, p.status,
    s.status, s.source_status, s.issued_on, s.valid_until, s.is_lifetime, s.institution, s.graduation_year, s.province,
    s.source_at, s.content_hash, nullif(s.warnings || p.warnings, '{}'), concat_ws(' ', p.rule, nullif(p.evidence, ''))
  from kki.plan_row p
  join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
  where p.batch_id = $1 and p.outcome in ('created', 'linked') and p.registration_id is null
    and s.str_number is not null
  order by s.str_number, s.profession
  returning id, str_number, profession
)
insert into kki.change (batch_id, row_no, operation, health_worker_id, registration_id)
select $1, p.row_no, p.outcome, p.health_worker_id, i.id
from inserted i
join kki.staged_row s on s.batch_id = $1 and s.str_number = i.str_number and s.profession = i.profession
join kki.plan_row p
  on p.batch_id = $1 and p.row_no = s.row_no and p.outcome in ('created', 'linked') and p.registration_id is null
union all
select $1, p.row_no, p.outcome, p.health_worker_id, null
from kki.plan_row p
join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no and s.str_number is null
where p.batch_id = $1 and p.outcome = 'created';
