-- reads: kki.change, plan_row
-- writes: touched
-- The people whose licences batch $1 touched, including those who lost one by a decision.
create temp table touched on commit drop as
select health_worker_id from plan_row
where (outcome in ('linked', 'updated') or (outcome = 'created' and registration_id is not null))
  and health_worker_id is not null
union
select (registration_before ->> 'health_worker_id')::bigint from kki.change
where batch_id = $1 and registration_before ? 'health_worker_id';
