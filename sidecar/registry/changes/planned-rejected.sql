-- reads: plan_row, sdmk.health_worker, sdmk.registration, staged_rejection, staged_row
-- writes: nothing
-- Rejected rows of batch $1 after row $2, at most $3: invalid rows, and rows that the plan rejects. Optional filters:
-- profession $4, STR $5, patterns of the name $6.
select r.row_no as id, 'rejected' as outcome,
  case when r.rule is not null then concat_ws(' ', r.rule, nullif(r.evidence, '')) end as reason,
  array(select distinct x ->> 'code' from jsonb_array_elements(r.problems) x order by 1) as codes,
  r.str_number as "strNumber", nullif(r.profession, '') as profession, null::bigint as "registrationId",
  null as "statusBefore", null as "statusAfter", null::bigint as "healthWorkerId", null as "nameBefore",
  case when not is_restricted then nullif(s.name, '') end as "nameAfter",
  not is_restricted and r.nik_digest is not null as "hasNik", is_restricted as "isRestricted", null as undo, 0 as rank,
  '{}'::jsonb as before, '{}'::jsonb as after
from staged_rejection r
left join plan_row p on p.row_no = r.row_no
left join staged_row s on s.row_no = r.row_no
cross join lateral (
  select exists (
    select from sdmk.health_worker h where h.nik_digest = r.nik_digest and h.restricted_at is not null
  ) or exists (
    select from sdmk.registration g join sdmk.health_worker h on h.id = g.health_worker_id
    where g.str_number = r.str_number and h.restricted_at is not null
  ) as is_restricted
  offset 0
) restriction
where r.batch_id = $1 and r.row_no > $2 and (p.outcome is null or p.outcome = 'rejected')
  and ($4::text is null or r.profession = $4)
  and ($5::text is null or r.str_number = $5)
  and ($6::text[] is null or (not is_restricted and s.name_key like all ($6)))
order by r.row_no
limit $3;
