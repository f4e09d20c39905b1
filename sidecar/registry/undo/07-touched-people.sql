-- Whose licences need another look: something of them was left, or pointed to a registration that goes now.
create temp table touched on commit drop as
select distinct r.health_worker_id
from sdmk.registration r
left join undo_registration own on own.id = r.id
left join undo_registration pointed on pointed.id = r.replaced_by
where own.left_fields is not null or (own.is_new and own.is_touched) or (pointed.is_new and not pointed.is_touched);
