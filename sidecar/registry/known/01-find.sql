-- Of which registrations these digests of rows ($1, joined by commas) tell; by their place in the list, from 0.
select k.place::int - 1 as n, i.registration_id as id, i.registration_version as version
from unnest(string_to_array($1, ',')::uuid[]) with ordinality as k (digest, place)
cross join lateral (select * from kki.known_input i where i.digest = k.digest limit 1) i
