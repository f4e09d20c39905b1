-- Registrations in the form that Odoo shows; part of larger statements.
select r.id, r.version, true as active, r.health_worker_id, r.str_number, r.profession, r.competence, r.status,
  r.source_status, r.issued_on, r.valid_until, r.is_lifetime, r.institution, r.graduation_year, r.province,
  case when isfinite(r.source_at) then to_char(r.source_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') end as source_at,
  r.match_reason,
  (
    select b.trace_id from kki.batch b where b.id = (
      select c.batch_id from kki.change c
      where c.registration_id = r.id and c.batch_id is not null order by c.id desc limit 1
    )
  ) as trace_id
from sdmk.registration r
where not exists (select from sdmk.health_worker h where h.id = r.health_worker_id and h.restricted_at is not null)
