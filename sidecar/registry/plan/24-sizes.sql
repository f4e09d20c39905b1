-- By profession of batch $1: its rows that passed, and those among them whose registration SDMK holds. Known rows are still
-- at hand from the plan, in this transaction.
with staged as (
  select s.profession, count(*) as rows,
    count(*) filter (where p.row_no is null or p.registration_id is not null or p.outcome = 'unchanged') as known
  from kki.staged_row s
  left join kki.plan_row p on p.batch_id = $1 and p.row_no = s.row_no
  where s.batch_id = $1
  group by s.profession
  union all
  select profession, count(*), count(*) from known group by profession
)
select profession, sum(rows)::bigint as rows, sum(known)::bigint as known
from staged
group by profession
order by profession;
