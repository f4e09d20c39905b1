-- The ledger of the plan, and a digest that two plans share only if they would do the same. Ids taken for people who do
-- not exist yet differ from plan to plan and stay out of it.
select
  count(*) filter (where outcome = 'created') as created,
  count(*) filter (where outcome = 'linked') as linked,
  count(*) filter (where outcome = 'updated') as updated,
  count(*) filter (where outcome = 'superseded') as superseded,
  count(*) filter (where outcome = 'rejected') as rejected,
  md5(concat(count(*), ' ', sum(hashtextextended(
    concat_ws('|', row_no, outcome, rule, health_worker_version, registration_id, registration_version, status, problems, cardinality(candidates)),
    0)))) as digest
from kki.plan_row
where batch_id = $1;
