-- reads: plan_row, staged_row
-- writes: sdmk.str_number
-- Without "on conflict": if another batch was first, the unique violation shows that the plan is outdated.
insert into sdmk.str_number (str_number)
select distinct s.str_number
from plan_row p
join staged_row s on s.row_no = p.row_no
where p.str_is_new
order by s.str_number;
