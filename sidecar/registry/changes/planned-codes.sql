-- reads: kki.plan_row, kki.staged_rejection
-- writes: nothing
-- Counts the rows that the plan of batch $1 would reject, by code. A row may have several codes.
select x.code, count(distinct r.row_no) as count
from kki.staged_rejection r
left join kki.plan_row p on p.batch_id = $1 and p.row_no = r.row_no
cross join lateral (select problem ->> 'code' as code from jsonb_array_elements(r.problems) problem) x
where r.batch_id = $1 and (p.outcome is null or p.outcome = 'rejected')
group by x.code
order by count desc, x.code;
