-- The batches $1 and those that the rejections $2 refer to.
select coalesce(array_agg(id), '{}') as ids from (
  select id from unnest($1::bigint[]) as id
  union
  select b.id
  from kki.rejection r, lateral (values (r.first_batch_id), (r.last_batch_id), (r.closed_by_batch_id)) as b (id)
  where r.id = any ($2::bigint[]) and b.id is not null
) b
