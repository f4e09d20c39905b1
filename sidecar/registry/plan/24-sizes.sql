-- By profession of batch $1: its rows that passed, those among them whose registration SDMK holds, and how many licences
-- of the profession are active.
with staged as (
  select s.profession, count(*) as rows,
    count(*) filter (where p.row_no is null or p.registration_id is not null or p.outcome = 'unchanged') as known
  from kki.staged_row s
  left join kki.plan_row p on p.batch_id = $1 and p.row_no = s.row_no
  where s.batch_id = $1
  group by s.profession
  union all
  select r.profession, count(*), count(*)
  from kki.staged_known k
  join sdmk.registration r on r.id = k.registration_id
  where k.batch_id = $1
  group by r.profession
), active as (
  select profession, count(*) as active from sdmk.registration where status = 'active' group by profession
)
select s.profession, sum(s.rows)::bigint as rows, sum(s.known)::bigint as known, coalesce(max(a.active), 0) as active
from staged s left join active a using (profession)
group by s.profession
order by s.profession;
