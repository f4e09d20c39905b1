-- reads: kki.audit_event
-- writes: nothing
-- Actions of people on the data of person $1, the latest $2 first: corrections, disclosure of the NIK, reports, and privacy
-- decisions.
select e.at, substr(e.action, strpos(e.action, '.') + 1) as kind, e.actor as by, e.detail ->> 'reason' as reason,
  array(
    select case f when 'nik_digest' then 'nik' else f end from jsonb_array_elements_text(coalesce(e.detail -> 'fields', '[]')) f
    where f = 'nik_digest' or f !~ '_(at|key|digest|sealed)$' order by 1
  ) as fields
from kki.audit_event e
where e.detail ? 'healthWorkerId' and e.detail -> 'healthWorkerId' = to_jsonb($1::bigint)
  and e.action in (
    'health_worker.edited', 'health_worker.nik_revealed', 'person.reported', 'person.restricted',
    'person.restriction_lifted', 'person.erased'
  )
order by e.id desc
limit $2;
