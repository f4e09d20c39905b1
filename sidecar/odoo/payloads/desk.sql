-- The batches $1 and the rejections $2 as they are now, with the batches that these rejections point to; as one JSON text.
with rejection as materialized (
  select * from (@rejection.sql) r where r.id = any ($2::bigint[])
), batch as materialized (
  select * from (@batch.sql) b
  where b.id = any ($1::bigint[] || array(
    select unnest(array[r.first_batch_id, r.last_batch_id, r.closed_by_batch_id]) from rejection r
  ))
)
select
  jsonb_build_object(
    'batches', coalesce((select jsonb_agg(jsonb_strip_nulls(to_jsonb(b))) from batch b), '[]'),
    'rejections', coalesce((select jsonb_agg(jsonb_strip_nulls(to_jsonb(r))) from rejection r), '[]')
  )::text as payload,
  (select count(*) from batch) + (select count(*) from rejection) as rows
