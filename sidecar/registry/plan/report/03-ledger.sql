-- reads: plan_row, staged_rejection, staged_row, staged_unchanged
-- writes: nothing
-- The ledger of the plan, and a digest that two plans share only if they would do the same. Reserved ids of new people
-- differ from plan to plan, so the digest excludes them.
with planned as (
  select
    count(*) filter (where outcome = 'created') as created,
    count(*) filter (where outcome = 'linked') as linked,
    count(*) filter (where outcome = 'updated') as updated,
    count(*) filter (where outcome = 'superseded') as superseded,
    count(*) filter (where outcome = 'rejected') as rejected,
    md5(concat(count(*), ' ', sum(hashtextextended(
      concat_ws('|', row_no, outcome, rule, health_worker_version, registration_id, registration_version, status, problems, cardinality(candidates)),
      0)))) as digest
  from plan_row
), staged as (
  select
    (select count(*) from staged_row)
      + (select coalesce(sum(cardinality(registration_ids)), 0)::bigint from staged_unchanged) as candidates,
    (select count(*) from staged_rejection where not by_plan) as rejected
)
select p.created, p.linked, p.updated,
  s.candidates - p.created - p.linked - p.updated - p.superseded - p.rejected as unchanged,
  p.superseded, p.rejected + s.rejected as rejected, p.digest
from planned p, staged s;
