-- reads: plan_row, sdmk.health_worker, staged_row
-- writes: nothing
-- The rows of a plan on hold that name people like $1, before or after: of the ranks $2, outcome $3 and profession $4 where they
-- are given; with a changed name only if $5; at most $8 behind row $7 of rank $6. One pass over the names of all ranks is
-- faster than a page of whole lines for each.
select p.row_no as id
from plan_row p
join staged_row s on s.row_no = p.row_no
left join sdmk.health_worker h on h.id = p.health_worker_id
where p.outcome not in ('unchanged', 'rejected')
  and p.rank = any ($2::smallint[])
  and ($3::text is null or p.outcome = $3)
  and ($4::text is null or s.profession = $4)
  and (not $5 or 'NAME_CHANGED' = any (p.warnings))
  and (p.rank, p.row_no) > ($6::smallint, $7::bigint)
  and h.restricted_at is null
  and (s.name_key like all ($1) or h.name_key like all ($1))
order by p.rank, p.row_no
limit $8;
