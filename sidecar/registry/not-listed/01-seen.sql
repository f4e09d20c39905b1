-- reads: kki.not_listed, sdmk.registration, staged_rejection, staged_row, staged_unchanged
-- writes: kki.not_listed
-- Registrations that the batch shows do not count as missed any more; a row without a readable profession shows every
-- registration of its STR. Few registrations are missed, so only those are compared.
with missed as materialized (
  select r.id, r.str_number, r.profession from kki.not_listed u join sdmk.registration r on r.id = u.registration_id
), shown as (
  select m.id
  from missed m
  where m.id in (select unnest(registration_ids) from staged_unchanged)
  union all
  select m.id
  from missed m
  join staged_row s on s.str_number = m.str_number and s.profession in (m.profession, '')
  union all
  select m.id
  from missed m
  join staged_rejection s
    on s.str_number = m.str_number and coalesce(s.profession, m.profession) in (m.profession, '')
)
delete from kki.not_listed where registration_id in (select id from shown);
