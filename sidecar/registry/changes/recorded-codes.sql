-- reads: kki.rejection, kki.rejection_occurrence
-- writes: nothing
-- Counts the rows that the applied batch $1 put into the review queue, by code.
select r.code, count(distinct o.row_no) as count
from kki.rejection_occurrence o
join kki.rejection r on r.id = o.rejection_id
where o.batch_id = $1
group by r.code
order by count desc, r.code;
