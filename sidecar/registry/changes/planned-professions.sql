-- reads: kki.plan_row, kki.staged_row
-- writes: nothing
select s.profession, count(*) filter (where p.outcome = 'created') as created, count(*) filter (where p.outcome = 'linked') as linked,
  count(*) filter (where p.outcome = 'updated') as updated, count(*) filter (where p.outcome = 'rejected') as rejected,
  0 as deactivated, 0 as "namesChanged"
from kki.plan_row p
join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
where p.batch_id = $1
group by s.profession;
