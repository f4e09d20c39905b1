-- reads: kki.audit_event, kki.batch, kki.change, kki.decision, kki.run, sdmk.health_worker, sdmk.registration
-- writes: nothing
-- Changes that batches made to person $1, the latest $2 first, including licences that moved to another person. Changes by hand
-- come from the audit (events.sql). A value that a later change replaced is read from the record of that change.
select
  coalesce(b.finished_at, b.created_at) as at,
  case when c.health_worker_id = $1 then c.operation else 'moved_away' end as kind,
  coalesce(decision.decided_by, (
    select e.actor from kki.audit_event e
    where e.batch_id = b.id and e.action = 'batch.approved' order by e.id desc limit 1
  ), run.actor) as by,
  decision.reason,
  jsonb_build_object('id', b.id, 'kind', b.kind, 'traceId', b.trace_id) as batch,
  b.undone_at as "undoneAt",
  undone.actor as "undoneBy",
  undone.detail ->> 'reason' as "undoneReason",
  r.str_number as "strNumber",
  r.profession,
  case
    when c.registration_id is null or (c.operation in ('created', 'linked') and c.registration_before is null) then null
    else coalesce(c.registration_before ->> 'status', after.status)
  end as "statusBefore",
  -- What an undone batch had set is recorded nowhere; the present values say nothing of it.
  case when b.undone_at is null then after.status end as "statusAfter",
  case when c.health_worker_id = $1 then c.health_worker_before ->> 'name' end as "nameBefore",
  case when c.health_worker_id = $1 and c.health_worker_before ? 'name' and b.undone_at is null then after.name end as "nameAfter",
  case when c.health_worker_id = $1 then (c.registration_before ->> 'health_worker_id')::bigint else c.health_worker_id
    end as "otherHealthWorkerId",
  array(
    select f from jsonb_object_keys(coalesce(c.health_worker_before, '{}')) f where f !~ '_(at|key|digest|sealed)$'
    union select 'nik' where c.health_worker_before ? 'nik_digest'
    union select f from jsonb_object_keys(coalesce(c.registration_before, '{}')) f
    where f !~ '_(at|hash|id|raw)$' and f not in ('replaced_by', 'match_reason', 'warnings', 'stated_status')
    order by 1
  ) as fields
from (
  select * from kki.change where health_worker_id = $1 and batch_id is not null
  union all
  select * from kki.change
  where registration_before ? 'health_worker_id' and (registration_before ->> 'health_worker_id')::bigint = $1
    and health_worker_id <> $1 and batch_id is not null
) c
join kki.batch b on b.id = c.batch_id
join kki.run run on run.id = b.run_id
left join sdmk.registration r on r.id = c.registration_id
left join sdmk.health_worker h on h.id = c.health_worker_id
left join lateral (
  -- The reason comes from the audit, because a rejection keeps only the reason of its last decision, and an undo removes it.
  select d.decided_by, (
    select e.detail ->> 'reason' from kki.audit_event e
    where e.batch_id = b.id and e.action = 'rejection.resolved' order by e.id desc limit 1
  ) as reason
  from kki.decision d
  where b.kind = 'decision' and d.batch_id = b.id
  order by d.id desc limit 1
) decision on true
left join lateral (
  select e.actor, e.detail from kki.audit_event e
  where b.undone_at is not null and e.batch_id = b.id and e.action = 'batch.undone' order by e.id desc limit 1
) undone on true
cross join lateral (
  select
    coalesce((
      select l.registration_before ->> 'status' from kki.change l
      where l.registration_id = c.registration_id and l.id > c.id and l.registration_before ? 'status'
      order by l.id limit 1
    ), r.status) as status,
    coalesce((
      select l.health_worker_before ->> 'name' from kki.change l
      where l.health_worker_id = c.health_worker_id and l.id > c.id and l.health_worker_before ? 'name'
      order by l.id limit 1
    ), h.name) as name
) after
order by c.id desc
limit $2;
