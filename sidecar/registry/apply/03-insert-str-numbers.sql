-- Plainly inserted: where another batch was first, the unique violation says that the plan no longer fits.
insert into sdmk.str_number (str_number)
select distinct s.str_number
from kki.plan_row p
join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
where p.batch_id = $1 and p.str_is_new
order by s.str_number;
