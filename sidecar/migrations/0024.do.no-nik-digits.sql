-- Two digits of a NIK, beside birth date and sex, leave a hundred times fewer numbers to guess. That there is a NIK follows
-- from its digest. Dropping a column leaves its bytes in the files of the table until something rewrites it.
alter table sdmk.health_worker
  drop column nik_tail,
  add constraint health_worker_nik_together check ((nik_digest is null) = (nik_sealed is null));
alter table sdmk.former_nik drop column nik_tail;
alter table kki.staged_row drop column nik_tail;

update kki.change set health_worker_before = health_worker_before - 'nik_tail' where health_worker_before ? 'nik_tail';

create or replace function kki.field_group(field text) returns text
  language sql immutable parallel safe
  return case
    when field in ('name', 'title_prefix', 'title_suffix', 'name_key', 'name_at') then 'name'
    when field in ('nik_digest', 'nik_sealed', 'nik_at') then 'nik'
    when field in ('birth_place', 'birth_place_key', 'birth_place_at') then 'birth_place'
    when field in ('birth_date', 'birth_date_at') then 'birth_date'
    when field in ('sex', 'sex_at') then 'sex'
    when field = 'health_worker_id' then 'person'
    when field in ('status', 'replaced_by') then 'status'
    else 'row'
  end;
