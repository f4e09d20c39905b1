-- If the row creates a person, that person gets this id. The NIK is sealed for it when the row is staged, and moves
-- unchanged. Null where the row has no NIK.
alter table kki.staged_row add column new_health_worker_id bigint;

-- Sealed values that did not fit where they stood are counted for each scrape.
create index audit_event_seal_unfit_idx on kki.audit_event (at) where action = 'seal.unfit';
