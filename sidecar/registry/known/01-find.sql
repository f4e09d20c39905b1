-- Of which registrations these digests of rows ($1, joined by commas) tell: places in the list, from 0, and beside them what
-- is known, as arrays that go into the staging table as they are.
select
  coalesce(array_agg(k.place::int - 1), '{}') as places,
  array_agg(i.registration_id)::text as "registrationIds",
  array_agg(i.registration_version)::text as "registrationVersions",
  case when count(i.warnings) > 0 then array_agg(i.warnings)::text end as warnings
from unnest(string_to_array($1, ',')::uuid[]) with ordinality as k (digest, place)
cross join lateral (select * from kki.known_input i where i.digest = k.digest limit 1) i
