-- Forgets texts that tell of registrations as they were, or that a later text of the same registration has replaced.
delete from kki.known_input k
using (
  select i.digest, r.id is null as is_outdated,
    row_number() over (partition by i.registration_id order by i.batch_id desc, i.digest) > 1 as is_replaced
  from kki.known_input i
  left join sdmk.registration r on r.id = i.registration_id and r.version = i.registration_version
) told
where k.digest = told.digest and (told.is_outdated or told.is_replaced)
