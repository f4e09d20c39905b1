-- reads: undo_person
-- writes: sdmk.health_worker
update sdmk.health_worker h
set (nik_digest, nik_sealed, name, title_prefix, title_suffix, name_key, birth_place, birth_place_key, birth_date, sex,
  nik_at, name_at, birth_place_at, birth_date_at, sex_at, version, updated_at) = (
    select n.nik_digest, n.nik_sealed, n.name, n.title_prefix, n.title_suffix, n.name_key, n.birth_place,
      n.birth_place_key, n.birth_date, n.sex, n.nik_at, n.name_at, n.birth_place_at, n.birth_date_at, n.sex_at,
      nextval('sdmk.version_seq'), now()
    from jsonb_populate_record(h, u.restored) n
  )
from (select * from undo_person where restored <> '{}' and not is_new order by id) u
where h.id = u.id;
