-- reads: kki.rejection
-- writes: kki.rejection, kki.rejection_occurrence
-- Rows that batch $1 settled are pending again.
with waiting as (
  update kki.rejection_occurrence set settled_by_batch_id = null where settled_by_batch_id = $1
)
-- Rejections that it closed are open again, unless the same row was rejected again since.
update kki.rejection d
set state = 'open', closed_by_batch_id = null, version = nextval('sdmk.version_seq'),
  decided_at = case when d.state = 'cleared' then d.decided_at end,
  decided_by = case when d.state = 'cleared' then d.decided_by end,
  decision_reason = case when d.state = 'cleared' then d.decision_reason end
where d.closed_by_batch_id = $1 and d.state in ('cleared', 'resolved')
  and not exists (
    select from kki.rejection o
    where o.state = 'open' and o.source = d.source and o.subject = d.subject and o.code = d.code
  );
