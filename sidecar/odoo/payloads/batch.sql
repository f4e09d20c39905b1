-- Batches in the form that Odoo shows; part of larger statements.
select b.id, b.version, b.run_id, b.kind, b.profession, b.state, r.triggered_by, r.actor, r.apply_mode, b.pages,
  (select coalesce(sum(e.fetched), 0)::bigint from kki.batch e where e.run_id = b.run_id and e.id < b.id) as fetched_before,
  r.expected_total, b.fetched, b.created, b.linked, b.updated, b.unchanged, b.superseded, b.rejected,
  b.deactivated, array_to_string(b.hold_reasons, ' ') as hold_reasons, b.plan_digest, b.error_code, b.trace_id,
  (select max(f.run_id) from kki.refetch f where f.undone_batch_id = b.id and f.done_at is not null) as refetched_by,
  to_char(r.window_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as window_since,
  to_char(r.window_until at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as window_until,
  to_char(b.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as created_at,
  to_char(b.fetch_started_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as fetch_started_at,
  to_char(b.fetched_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as fetched_at,
  to_char(b.planned_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as planned_at,
  to_char(b.finished_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as finished_at,
  to_char(b.undone_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as undone_at,
  -- Without the time that a batch on hold waits for a person.
  round(extract(epoch from case when b.hold_reasons is null then b.finished_at else b.planned_at end - b.created_at)::numeric, 1)::float8
    as duration
from kki.batch b join kki.run r on r.id = b.run_id
