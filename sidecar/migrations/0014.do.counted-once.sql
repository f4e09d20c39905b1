-- When KKI was found to count no more than the batches of a full run have fetched: it is not asked again for that run.
alter table kki.run add column counted_at timestamptz;
