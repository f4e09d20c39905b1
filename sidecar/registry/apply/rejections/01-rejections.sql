-- reads: kki.batch, kki.rejection, kki.rejection_occurrence, sdmk.registration, staged_rejection
-- writes: kki.rejection
-- The review queue: one open rejection per subject and code, regardless of how often its rows come. A dismissed rejection
-- stays dismissed while all of its rows are unchanged.
insert into kki.rejection (source, subject, str_number, profession, code, problems, urgent, rule, evidence, candidates,
  seen_count, first_batch_id, last_batch_id)
with source as (
  select case kind when 'import' then 'sdmk' else 'kki' end as name from kki.batch where id = $1
), candidate as (
  select r.subject, array_agg(distinct c order by c) as ids
  from staged_rejection r, unnest(r.candidates) c
  group by r.subject
)
select
  source.name, r.subject, max(r.str_number), max(r.profession), problem.code,
  (array_agg(problem.found order by r.row_no desc))[1],
  bool_or(r.urgent), max(r.rule), max(r.evidence),
  candidate.ids,
  count(*), $1, $1
from staged_rejection r
cross join source
cross join lateral (
  select p ->> 'code' as code, jsonb_agg(p - 'code') as found
  from jsonb_array_elements(r.problems) p group by p ->> 'code'
) problem
left join candidate on candidate.subject = r.subject
-- An invalid row of a person whose data was erased is not stored.
where (r.by_plan or r.urgent or not exists (
    select from sdmk.registration g where g.str_number = r.str_number and g.erased_at is not null
  ))
  and not exists (
    select from kki.rejection d
    join kki.rejection_occurrence o on o.rejection_id = d.id and o.content_digest = r.content_digest
    where d.source = source.name and d.state = 'dismissed' and d.subject = r.subject and d.code = problem.code
      and (d.urgent or not r.urgent)
  )
group by source.name, r.subject, problem.code, candidate.ids
order by r.subject, problem.code
on conflict (source, subject, code) where state = 'open' do update set
  str_number = excluded.str_number,
  profession = excluded.profession,
  problems = excluded.problems,
  urgent = rejection.urgent or excluded.urgent,
  -- A question of a check keeps its problems, because its row itself is no longer rejected.
  rule = case when (select kind from kki.batch where id = rejection.first_batch_id) = 'check' then rejection.rule else excluded.rule end,
  evidence = case when (select kind from kki.batch where id = rejection.first_batch_id) = 'check' then rejection.evidence else excluded.evidence end,
  candidates = excluded.candidates,
  seen_count = rejection.seen_count + excluded.seen_count,
  last_seen_at = now(),
  last_batch_id = excluded.last_batch_id,
  version = nextval('sdmk.version_seq');
