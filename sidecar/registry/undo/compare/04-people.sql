-- reads: kki.batch, kki.change, kki.decision, sdmk.registration, undo_registration
-- writes: undo_person
-- The same for people. A person that batch $1 created stays if records of other origin depend on them.
create temp table undo_person on commit drop as
with own as (
  select health_worker_id as id, min(id) as first_change_id, bool_or(operation = 'created') as is_new
  from kki.change where batch_id = $1 group by health_worker_id
), later as (
  select o.id, coalesce(array_agg(distinct kki.field_group(f.field)) filter (where f.field is not null), '{}') as groups
  from own o
  join kki.change c on c.health_worker_id = o.id and c.id > o.first_change_id and c.batch_id is distinct from $1
  left join kki.batch b on b.id = c.batch_id
  left join lateral jsonb_object_keys(c.health_worker_before) f (field) on true
  where b.state is distinct from 'undone'
  group by o.id
), field as (
  select distinct on (c.health_worker_id, f.field) c.health_worker_id as id, f.field, f.value,
    kki.field_group(f.field) = any (l.groups) as is_left
  from kki.change c
  join own o on o.id = c.health_worker_id and not o.is_new
  left join later l on l.id = o.id
  cross join lateral jsonb_each(c.health_worker_before) f (field, value)
  where c.batch_id = $1
  order by c.health_worker_id, f.field, c.id
), merged as (
  select id, jsonb_object_agg(field, value) filter (where is_left is not true) as restored,
    array_agg(field order by field) filter (where is_left) as left_fields
  from field group by id
)
select o.id, o.is_new,
  l.id is not null
    or exists (
      select from sdmk.registration r left join undo_registration u on u.id = r.id
      where r.health_worker_id = o.id
        and (u.id is null or (u.is_new and u.is_touched) or (not u.is_new and not coalesce(u.restored ? 'health_worker_id', false)))
    )
    or exists (select from kki.decision d where d.health_worker_id = o.id and d.batch_id is distinct from $1)
    as is_needed,
  m.restored, m.left_fields
from own o left join later l on l.id = o.id left join merged m on m.id = o.id;
