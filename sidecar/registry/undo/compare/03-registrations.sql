-- reads: kki.batch, kki.change
-- writes: undo_registration
-- One line per registration that batch $1 touched: the fields to restore, and the fields that stay because a later change
-- touched them. "Later" means written later: a held batch may be applied after one with a greater number.
create temp table undo_registration on commit drop as
with own as (
  select registration_id as id, min(id) as first_change_id,
    bool_or(operation in ('created', 'linked') and registration_before is null) as is_new
  from kki.change
  where batch_id = $1 and registration_id is not null
  group by registration_id
), later as (
  select o.id, coalesce(array_agg(distinct kki.field_group(f.field)) filter (where f.field is not null), '{}') as groups
  from own o
  join kki.change c on c.registration_id = o.id and c.id > o.first_change_id and c.batch_id is distinct from $1
  left join kki.batch b on b.id = c.batch_id
  left join lateral jsonb_object_keys(c.registration_before) f (field) on true
  where b.state is distinct from 'undone'
  group by o.id
), field as (
  -- The first of several changes within the batch has the former value.
  select distinct on (c.registration_id, f.field) c.registration_id as id, f.field, f.value,
    kki.field_group(f.field) = any (l.groups)
      -- Derived values stay with the row that they follow from.
      or (kki.field_group(f.field) in ('status', 'person') and 'row' = any (l.groups)) as is_left
  from kki.change c
  join own o on o.id = c.registration_id and not o.is_new
  left join later l on l.id = o.id
  cross join lateral jsonb_each(c.registration_before) f (field, value)
  where c.batch_id = $1
  order by c.registration_id, f.field, c.id
), merged as (
  select id, jsonb_object_agg(field, value) filter (where is_left is not true) as restored,
    array_agg(field order by field) filter (where is_left) as left_fields
  from field group by id
)
select o.id, o.is_new, l.id is not null as is_touched, m.restored, m.left_fields
from own o left join later l on l.id = o.id left join merged m on m.id = o.id;
