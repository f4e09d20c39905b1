-- reads: kki.batch, kki.rejection, kki.rejection_occurrence, kki.retry_item, plan_row, staged_rejection, staged_row
-- writes: kki.rejection, kki.rejection_occurrence
-- A pending row is settled by a newer row of batch $1 about the same STR, profession and person. That row was applied, or it
-- is pending itself under the same rejection. An urgent row needs more: without the same NIK or name, only another
-- deactivation settles it. KKI's answer to a question about one STR is complete: if it holds no rejected row, it settles all
-- pending rows of that STR.
with pending as materialized (
  select d.subject, d.code, d.source, d.first_batch_id in (select id from kki.batch where kind = 'check') as is_question, o.*
  from kki.rejection d
  join kki.rejection_occurrence o on o.rejection_id = d.id and o.settled_by_batch_id is null
  where d.state in ('open', 'dismissed')
    and d.subject in (select str_number from staged_row union all select subject from staged_rejection)
), newer as materialized (
  select s.str_number as subject, nullif(s.profession, '') as profession, s.nik_digest, s.name_key, s.source_at, s.status,
    s.source_status, sdmk.is_urgent(s.status) as is_deactivation, null::bytea as content_digest, null::bigint as rejection_id,
    coalesce(p.outcome, 'unchanged') as outcome, coalesce(p.deactivation_only, false) as is_deactivation_only
  from staged_row s
  left join plan_row p on p.row_no = s.row_no
  where s.str_number in (select subject from pending)
    and (p.row_no is null or (p.outcome in ('created', 'linked', 'updated', 'unchanged') and not p.urgent))
  union all
  select subject, profession, nik_digest, name_key, source_at, status, source_status, urgent, content_digest, rejection_id, 'rejected', false
  from pending
  where batch_id = $1
), settled as (
  update kki.rejection_occurrence o
  set settled_by_batch_id = $1
  from pending w
  join newer n on n.subject = w.subject
  join kki.batch b on b.id = $1
  where o.batch_id = w.batch_id and o.row_no = w.row_no and o.rejection_id = w.rejection_id and w.batch_id <> $1
    and (n.rejection_id = w.rejection_id or (
      n.rejection_id is null
      and (b.kind <> 'import' or w.source = 'sdmk')
      -- Only a decision answers a question of a check.
      and (b.kind = 'decision' or not w.is_question)
      and case w.code
        -- The stored row stays newer than the deactivation until another row replaces it.
        when 'DEACTIVATION_STALE' then n.outcome <> 'unchanged'
        -- The stored row may be this one, without its name.
        when 'NAME_DIFFERS' then (n.outcome <> 'unchanged' or b.kind = 'decision') and not n.is_deactivation_only
        else true
      end
    ))
    and coalesce(n.profession = w.profession, true)
    and case when w.source_at is null or n.source_at is null then w.batch_id < $1
      else not sdmk.is_overruled(n.source_at, n.status, n.source_status, w.source_at, w.status, w.source_status)
    end
    and (
      n.content_digest = w.content_digest or n.nik_digest = w.nik_digest
      or (
        (w.name_key is null or n.name_key is null or n.name_key = w.name_key)
        and (not w.urgent or n.is_deactivation or (n.name_key = w.name_key and not coalesce(n.nik_digest <> w.nik_digest, false)))
        -- A decision concerns one of several people with the STR, by name.
        and (b.kind <> 'decision' or not coalesce(n.nik_digest <> w.nik_digest, false))
      )
      or (
        exists (select from kki.retry_item i where i.batch_id = $1 and i.str_number = w.subject and i.answer = 'found')
        and not exists (select from staged_rejection r where r.subject = w.subject)
      )
    )
  returning o.batch_id, o.row_no, o.rejection_id
)
-- A rejection without pending rows is closed. The batch that carries out a decision resolves it.
update kki.rejection d
set
  state = case when d.decided_at is not null and b.kind = 'decision' then 'resolved' else 'cleared' end,
  closed_by_batch_id = $1,
  version = nextval('sdmk.version_seq')
from kki.batch b
where b.id = $1 and d.state = 'open' and d.id in (
  select rejection_id from pending left join settled s using (batch_id, row_no, rejection_id)
  group by rejection_id having bool_and(s.rejection_id is not null)
);
