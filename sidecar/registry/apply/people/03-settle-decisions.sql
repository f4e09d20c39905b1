-- reads: plan_row, staged_row
-- writes: kki.decision
-- A decision for a new person refers to the created person from now on.
update kki.decision d
set health_worker_id = p.health_worker_id
from plan_row p
join staged_row s on s.row_no = p.row_no
where p.rule = 0 and p.outcome = 'created'
  and d.str_number = s.str_number and kki.decision_fits(d, s.nik_digest, s.name_key, s.birth_date)
  and d.health_worker_id is null;
