-- Keeps how batch $1 told of the registrations that are as it says.
insert into kki.known_input (digest, registration_id, registration_version, batch_id)
select distinct on (s.input_digest) s.input_digest, r.id, r.version, $1
from kki.staged_row s
join sdmk.registration r on r.str_number = s.str_number and r.profession = s.profession and r.content_hash = s.content_hash
where s.batch_id = $1 and s.input_digest is not null
order by s.input_digest
on conflict (digest) do update set registration_id = excluded.registration_id,
  registration_version = excluded.registration_version, batch_id = excluded.batch_id;
