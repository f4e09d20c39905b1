-- reads: plan_row, sdmk.registration, staged_row, staged_unchanged
-- writes: nothing
-- By profession: the accepted rows of the batch, and those among them whose registration SDMK has.
with staged as (
  select s.profession, count(*) as rows,
    count(*) filter (where p.row_no is null or p.registration_id is not null or p.outcome = 'unchanged') as known
  from staged_row s
  left join plan_row p on p.row_no = s.row_no
  group by s.profession
  union all
  select r.profession, count(*), count(*)
  from staged_unchanged u
  cross join unnest(u.registration_ids) as registration (id)
  join sdmk.registration r using (id)
  group by r.profession
)
select profession, sum(rows)::bigint as rows, sum(known)::bigint as known
from staged
group by profession
order by profession;
