-- Rule 9: nothing fits, and the licence is active: a new person, of the id that the row was staged with. So does a decision for somebody
-- new, who may take over a registration that was somebody else's.
insert into kki.plan_row (batch_id, row_no, outcome, rule, evidence, health_worker_id, registration_id,
  registration_version, status, str_is_new, warnings)
select $1, row_no, 'created', coalesce(rule, 9), '', coalesce(new_health_worker_id, nextval('sdmk.health_worker_id_seq')),
  registration_id, registration_version, status,
  str_number is not null
    and (rule is null or not exists (select from sdmk.str_number n where n.str_number = work.str_number)),
  nullif(array_remove(warnings || case when problems is not null then 'NIK_IGNORED' end, null), '{}')
from work
where outcome = 'created' or (outcome is null and status = 'active');
