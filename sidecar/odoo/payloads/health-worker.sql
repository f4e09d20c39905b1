-- People in the form that Odoo shows; part of larger statements.
select h.id, h.version, true as active, h.name, h.title_prefix, h.title_suffix,
  h.nik_digest is not null as has_nik, h.birth_place, h.birth_date, h.sex,
  case when h.name_at = 'infinity' then 'sdmk' else 'kki' end as name_source,
  case when h.nik_at = 'infinity' then 'sdmk' when h.nik_at is not null then 'kki' end as nik_source,
  case when h.birth_place_at = 'infinity' then 'sdmk' when h.birth_place_at is not null then 'kki' end as birth_place_source,
  case when h.birth_date_at = 'infinity' then 'sdmk' when h.birth_date_at is not null then 'kki' end as birth_date_source,
  case when h.sex_at = 'infinity' then 'sdmk' when h.sex_at is not null then 'kki' end as sex_source,
  null as restricted_at, to_char(h.erased_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as erased_at
from sdmk.health_worker h
where h.restricted_at is null
union all
-- For a restricted person, only the start of the restriction.
select h.id, h.version, false, null, null, null, null, null, null, null, null, null, null, null, null,
  to_char(h.restricted_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
  to_char(h.erased_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
from sdmk.health_worker h
where h.restricted_at is not null
