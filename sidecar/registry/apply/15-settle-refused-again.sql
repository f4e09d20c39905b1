-- A row that was refused before and is refused again waits once: as it came last. Rows of one name with two NIKs may be two
-- people's, so an ending is not taken for settled by what is none.
update kki.rejection_occurrence o
set settled_by_batch_id = $1
from kki.rejection_occurrence n
where n.batch_id = $1 and n.rejection_id = o.rejection_id and o.batch_id <> $1 and o.settled_by_batch_id is null
  and (o.profession is null or n.profession is null or n.profession = o.profession)
  and (o.source_at is null or n.source_at is null
    or not sdmk.is_overruled(n.source_at, n.status, n.source_status, o.source_at, o.status, o.source_status))
  and (
    n.content_digest = o.content_digest or n.nik_digest = o.nik_digest
    or ((o.name_key is null or n.name_key is null) and (not o.urgent or n.urgent))
    or (n.name_key = o.name_key and (not o.urgent or n.urgent or not coalesce(n.nik_digest <> o.nik_digest, false)))
  );
