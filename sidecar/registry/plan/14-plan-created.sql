-- Rule 9: nothing fits, and the licence is active: a new person, whose id is taken now.
insert into kki.plan_row (batch_id, row_no, outcome, rule, evidence, health_worker_id, status, str_is_new)
select $1, row_no, 'created', 9, '', nextval(pg_get_serial_sequence('sdmk.health_worker', 'id')), status, true
from work
where outcome is null and status = 'active';
