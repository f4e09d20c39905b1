-- reads: kki.rejection, kki.rejection_occurrence
-- writes: nothing
-- The rows that an applied batch $1 left for a person to see, by code.
select r.code, count(distinct o.row_no) as count
from kki.rejection_occurrence o
join kki.rejection r on r.id = o.rejection_id
where o.batch_id = $1
group by r.code
order by count desc, r.code;
