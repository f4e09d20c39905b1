-- reads: undo_person, undo_registration
-- writes: nothing
-- Records of the batch that stay: full counts, and the first $1 of each kind with the fields that were not restored. Records
-- that the batch created and that are still needed have no such fields.
with registration as (
  select id, coalesce(left_fields, '{}') as fields, row_number() over (order by id) as n from undo_registration
  where (is_new and is_touched) or left_fields <> '{}'
), person as (
  select id, coalesce(left_fields, '{}') as fields, row_number() over (order by id) as n from undo_person
  where (is_new and is_needed) or left_fields <> '{}'
)
select
  (select count(*) from registration) as "registrationsLeft",
  (select count(*) from person) as "peopleLeft",
  (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'fields', fields) order by n), '[]')
    from registration where n <= $1) as registrations,
  (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'fields', fields) order by n), '[]')
    from person where n <= $1) as people;
