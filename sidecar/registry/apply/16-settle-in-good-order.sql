-- A refused row is settled when it comes in good order: of the same STR and profession, not older (of one moment an ending is
-- not settled by a row that says active), and, where the refusal
-- was about who it is, by the same NIK or name. Where it was an ending, or a person decides about one row, a name alone
-- does not do against another NIK. KKI's answer for one STR is all that it has under it: where none of that is refused, a
-- row that was is gone. Kept in a temp table are the rejections that it concerns.
create temp table settled on commit drop as
with waiting as materialized (
  select d.id, d.subject, d.code, d.source,
    d.first_batch_id in (select id from kki.batch where kind = 'check') as is_question
  from kki.rejection d
  where d.state = 'open' and d.subject in (select str_number from kki.staged_row where batch_id = $1)
), good as materialized (
  select s.str_number, s.profession, s.nik_digest, s.name_key, s.source_at, s.status, s.source_status, p.outcome,
    sdmk.is_urgent(s.status) as is_ending
  from kki.staged_row s
  left join kki.plan_row p on p.batch_id = $1 and p.row_no = s.row_no
  -- Of a batch hardly any row is waited for.
  where s.batch_id = $1 and s.str_number in (select subject from waiting)
    and (p.row_no is null or (p.outcome in ('created', 'linked', 'updated', 'unchanged') and not p.urgent
      and not coalesce('STALE' = any (p.warnings), false)))
), matched as (
  select distinct o.batch_id, o.row_no, o.rejection_id
  from waiting d
  join good g on g.str_number = d.subject
  join kki.batch b on b.id = $1 and (b.kind <> 'import' or d.source = 'sdmk') and (b.kind = 'decision' or not d.is_question)
  join kki.rejection_occurrence o on o.rejection_id = d.id and o.settled_by_batch_id is null and o.batch_id <> $1
  where (o.profession is null or g.profession = '' or o.profession = g.profession)
    and case when o.source_at is null then o.batch_id < $1
      else not sdmk.is_overruled(g.source_at, g.status, g.source_status, o.source_at, o.status, o.source_status)
    end
    and (
      o.name_key is null or o.nik_digest = g.nik_digest
      or (o.name_key = g.name_key and (
        not coalesce(o.nik_digest <> g.nik_digest, false) or (b.kind <> 'decision' and (not o.urgent or g.is_ending))
      ))
      or (
        exists (
          select from kki.retry_item i where i.batch_id = $1 and i.str_number = d.subject and i.answer = 'found'
        )
        and not exists (select from kki.staged_rejection r where r.batch_id = $1 and r.subject = d.subject)
      )
    )
    -- That it is older than what is stored stays true until something newer comes.
    and (d.code <> 'ENDING_STALE' or g.outcome in ('created', 'linked', 'updated'))
    -- A name waits until the person bears it.
    and (d.code <> 'NAME_DIFFERS' or exists (
      select from sdmk.registration r join sdmk.health_worker h on h.id = r.health_worker_id
      where r.str_number = g.str_number and r.profession = g.profession
        and sdmk.name_agreement(h.name_key, g.name_key) in ('equal', 'similar', 'part')
    ))
), done as (
  update kki.rejection_occurrence o
  set settled_by_batch_id = $1
  from matched m
  where o.batch_id = m.batch_id and o.row_no = m.row_no and o.rejection_id = m.rejection_id
  returning o.rejection_id
)
select distinct rejection_id from done;
