-- reads: kki.plan_row, kki.staged_rejection, kki.staged_row
-- writes: nothing
-- Counts the changes of the plan of batch $1 by profession; '' stands for rows whose profession cannot be read.
select profession, count(*) filter (where outcome = 'created') as created, count(*) filter (where outcome = 'linked') as linked,
  count(*) filter (where outcome = 'updated') as updated, count(*) filter (where outcome = 'rejected') as rejected,
  0 as deactivated, count(*) filter (where is_renamed) as "namesChanged"
from (
  select coalesce(s.profession, '') as profession, p.outcome, 'NAME_CHANGED' = any (p.warnings) as is_renamed
  from kki.plan_row p
  join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
  where p.batch_id = $1 and p.outcome <> 'rejected'
  union all
  select coalesce(r.profession, ''), 'rejected', false
  from kki.staged_rejection r
  left join kki.plan_row p on p.batch_id = $1 and p.row_no = r.row_no
  where r.batch_id = $1 and (p.outcome is null or p.outcome = 'rejected')
) row
group by profession
order by profession;
