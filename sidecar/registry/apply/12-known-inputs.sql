-- Keeps how batch $1 told of the registrations that are as it says, in KKI's order: so they come again, page by page.
insert into kki.known_input (digest, registration_id, registration_version, batch_id, warnings)
select input_digest, id, version, $1, warnings
from (
  select distinct on (s.input_digest) s.row_no, s.input_digest, r.id, r.version, array_to_string(s.warnings, ',') as warnings
  from kki.staged_row s
  join sdmk.registration r
    on r.str_number = s.str_number and r.profession = s.profession and r.content_hash = s.content_hash
  where s.batch_id = $1 and s.input_digest is not null
  order by s.input_digest
) told
order by row_no
on conflict (digest) do update set registration_id = excluded.registration_id,
  registration_version = excluded.registration_version, batch_id = excluded.batch_id, warnings = excluded.warnings;
