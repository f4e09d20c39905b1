-- reads: kki.rejection
-- writes: nothing
-- Finds unchanged rows among $1 to $4, parallel lists joined by commas: STR, profession, content hash and NIK digest. The last
-- two are in hex, and empty without a NIK. Returns the places of unchanged rows in the lists, from 0, and their registrations.
-- Rows whose STR has a pending rejected row are left out.
select coalesce(array_agg(a.place::int - 1), '{}') as places, coalesce(array_agg(u.registration_id), '{}')::text as "registrationIds"
from unnest(string_to_array($1, ','), string_to_array($2, ','), string_to_array($3, ','), string_to_array($4, ',', ''))
  with ordinality as a (str_number, profession, content_hash, nik_digest, place)
cross join lateral (
  select u.registration_id
  from kki.unchanged_registration(
    a.str_number, a.profession, decode(a.content_hash, 'hex'), decode(a.nik_digest, 'hex')
  ) u (registration_id)
  -- A limit of one makes PostgreSQL look up each row instead of reading the whole registry.
  limit 1
) u
where not exists (select from kki.rejection j where j.subject = a.str_number and j.state = 'open')
