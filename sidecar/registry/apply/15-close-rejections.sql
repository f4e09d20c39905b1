-- A rejection heals when its row comes in good order: of the same STR and profession, not older, and, where the refusal was
-- about who it is, by the same NIK or name. The batch that carries a decision out resolves what was decided.
with good as (
  select s.str_number, s.profession, s.nik_digest, s.name_key, s.source_at, p.outcome
  from kki.staged_row s
  left join kki.plan_row p on p.batch_id = $1 and p.row_no = s.row_no
  where s.batch_id = $1
    and (p.row_no is null or (p.outcome in ('created', 'linked', 'updated', 'unchanged') and not p.urgent
      and not coalesce('STALE' = any (p.warnings), false)))
), closed as (
  select distinct d.id
  from kki.rejection d
  join good g on g.str_number = d.subject
  where d.state = 'open' and d.last_batch_id <> $1
    and (d.profession is null or g.profession = '' or d.profession = g.profession)
    and (d.source_at is null or g.source_at >= d.source_at)
    and (d.name_key is null or d.name_key = g.name_key or d.nik_digest = g.nik_digest)
    -- That it is older than what is stored stays true until something newer comes.
    and (d.code <> 'ENDING_STALE' or g.outcome in ('created', 'linked', 'updated'))
)
update kki.rejection d
set
  state = case when d.decided_at is not null and b.kind = 'decision' then 'resolved' else 'healed' end,
  closed_by_batch_id = $1,
  version = nextval('sdmk.version_seq')
from closed c, kki.batch b
where d.id = c.id and b.id = $1;
