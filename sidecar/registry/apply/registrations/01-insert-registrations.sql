-- reads: plan_row, staged_row
-- writes: kki.change, sdmk.registration
-- New registrations, with a change record each; one also for each new person without a registration. Their ids are assigned
-- first, so that no join to the inserted rows is needed.
with planned as materialized (
  select nextval('sdmk.registration_id_seq') as id, ordered.*
  from (
    select p.outcome, p.health_worker_id, p.status as derived_status, p.warnings as plan_warnings,
      concat_ws(' ', p.rule, nullif(p.evidence, '')) as match_reason, s.row_no, s.str_number, s.str_raw, s.str_format,
      s.profession, s.competence, s.status, s.source_status, s.issued_on, s.valid_until, s.is_lifetime, s.institution,
      s.graduation_year, s.province, s.source_at, s.content_hash, s.warnings
    from plan_row p
    join staged_row s on s.row_no = p.row_no
    where p.outcome in ('created', 'linked') and p.registration_id is null
      and s.str_number is not null
    order by s.str_number, s.profession
  ) ordered
), inserted as (
  insert into sdmk.registration (id, health_worker_id, str_number, str_raw, str_format, profession, competence, status,
    stated_status, source_status, issued_on, valid_until, is_lifetime, institution, graduation_year, province, source_at,
    content_hash, warnings, match_reason)
  overriding system value
  select id, health_worker_id, str_number, str_raw, str_format, profession, competence, derived_status,
    status, source_status, issued_on, valid_until, is_lifetime, institution, graduation_year, province, source_at,
    content_hash, nullif(warnings || plan_warnings, '{}'), match_reason
  from planned
)
insert into kki.change (batch_id, row_no, operation, health_worker_id, registration_id)
select $1::bigint, row_no, outcome, health_worker_id, id from planned
union all
select $1::bigint, p.row_no, p.outcome, p.health_worker_id, null
from plan_row p
join staged_row s on s.row_no = p.row_no and s.str_number is null
where p.outcome = 'created';
