-- A rejection of which no row waits any more has healed; the batch that carries a decision out resolves it.
update kki.rejection d
set
  state = case when d.decided_at is not null and b.kind = 'decision' then 'resolved' else 'healed' end,
  closed_by_batch_id = $1,
  version = nextval('sdmk.version_seq')
from settled s, kki.batch b
where d.id = s.rejection_id and b.id = $1
  and not exists (
    select from kki.rejection_occurrence o where o.rejection_id = d.id and o.settled_by_batch_id is null
  );
