-- reads: sdmk.health_worker, undo_person
-- writes: undo_person
-- A NIK that another person has by now is not restored.
update undo_person u
set
  restored = u.restored - array['nik_digest', 'nik_sealed', 'nik_at'],
  left_fields = array(
    select f from unnest(u.left_fields || array(
      select k from jsonb_object_keys(u.restored) k where kki.field_group(k) = 'nik'
    )) f order by f
  )
from sdmk.health_worker h
where not u.is_new and h.nik_digest = (u.restored ->> 'nik_digest')::bytea and h.id <> u.id
  and not exists (select from undo_person o where o.id = h.id and ((o.is_new and not o.is_needed) or o.restored ? 'nik_digest'));
