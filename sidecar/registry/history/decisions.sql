-- reads: kki.audit_event, kki.change, kki.decision, kki.rejection
-- writes: nothing
-- Decisions that an STR belongs to person $1, the latest $2 first. If the batch of a decision changed the person, changes.sql
-- already returns it, unless it was withdrawn.
select d.decided_at as at, 'decided' as kind, d.decided_by as by, (
    select e.detail ->> 'reason' from kki.audit_event e
    where e.batch_id = d.batch_id and e.action = 'rejection.resolved' order by e.id desc limit 1
  ) as reason, d.str_number as "strNumber",
  r.profession, d.withdrawn_at as "undoneAt"
from kki.decision d
left join kki.rejection r on r.id = d.rejection_id
where d.health_worker_id = $1
  and (d.withdrawn_at is not null or not exists (
    select from kki.change c where c.health_worker_id = $1 and c.batch_id = d.batch_id
  ))
order by d.id desc
limit $2;
