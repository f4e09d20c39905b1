-- reads: sdmk.registration, undo_registration
-- writes: sdmk.registration
-- Restores the fields from before the batch. A reference to a registration that is or will be deleted becomes null.
update sdmk.registration r
set (health_worker_id, str_raw, str_format, competence, status, stated_status, source_status, issued_on, valid_until,
  is_lifetime, institution, graduation_year, province, source_at, content_hash, warnings, match_reason, replaced_by,
  version, updated_at) = (
    select n.health_worker_id, n.str_raw, n.str_format, n.competence, n.status, n.stated_status, n.source_status, n.issued_on,
      n.valid_until, n.is_lifetime, n.institution, n.graduation_year, n.province, n.source_at, n.content_hash, n.warnings,
      n.match_reason,
      (select t.id from sdmk.registration t left join undo_registration g on g.id = t.id
        where t.id = n.replaced_by and not coalesce(g.is_new and not g.is_touched, false)),
      nextval('sdmk.version_seq'), now()
    from jsonb_populate_record(r, u.restored) n
  )
from (select * from undo_registration where restored <> '{}' and not is_new order by id) u
where r.id = u.id;
