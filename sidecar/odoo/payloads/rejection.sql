-- Rejections in the form that Odoo shows; part of larger statements.
select d.id, d.version, d.source, d.code, d.state, d.urgent, d.str_number, d.profession, d.rule,
  coalesce(cardinality(d.candidates), 0) as candidate_count,
  (select string_agg(distinct p ->> 'instancePath', ' ') from jsonb_array_elements(d.problems) p) as fields_at_fault,
  d.seen_count, d.first_batch_id, d.last_batch_id, d.closed_by_batch_id, d.decided_by, d.decision_reason,
  to_char(d.first_seen_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as first_seen_at,
  to_char(d.last_seen_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as last_seen_at,
  to_char(d.decided_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as decided_at,
  b.trace_id
from kki.rejection d join kki.batch b on b.id = d.last_batch_id
