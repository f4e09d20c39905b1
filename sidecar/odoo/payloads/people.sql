-- The people $1 and the registrations $2 as they are now, with all registrations of these people and the people of these
-- registrations; as one JSON text. Who is gone is told with a version above every one that they had: ids never come back.
with asked_person as (
  select unnest($1::bigint[]) as id
), asked_registration as (
  select unnest($2::bigint[]) as id
), person_id as (
  select id from asked_person
  union
  select r.health_worker_id from sdmk.registration r join asked_registration a using (id)
), person as (
  select i.id, coalesce(h.version, nextval('sdmk.version_seq')) as version, h.id is not null as active,
    h.name, h.title_prefix, h.title_suffix, '**************' || h.nik_tail as nik_masked, h.birth_place, h.birth_date, h.sex,
    s.name_source, s.nik_source, s.birth_place_source, s.birth_date_source, s.sex_source
  from person_id i
  left join sdmk.health_worker h on h.id = i.id
  left join lateral (
    select
      case h.name_at when 'infinity' then 'sdmk' else 'kki' end as name_source,
      case when h.nik_at is not null then case h.nik_at when 'infinity' then 'sdmk' else 'kki' end end as nik_source,
      case when h.birth_place_at is not null then case h.birth_place_at when 'infinity' then 'sdmk' else 'kki' end end
        as birth_place_source,
      case when h.birth_date_at is not null then case h.birth_date_at when 'infinity' then 'sdmk' else 'kki' end end
        as birth_date_source,
      case when h.sex_at is not null then case h.sex_at when 'infinity' then 'sdmk' else 'kki' end end as sex_source
  ) s on h.id is not null
), registration as (
  select r.id, r.version, true as active, r.health_worker_id, r.str_number, r.profession, r.competence, r.status,
    r.source_status, r.issued_on, r.valid_until, r.is_lifetime, r.institution, r.graduation_year, r.province,
    case when isfinite(r.source_at) then to_char(r.source_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') end as source_at,
    r.match_reason, r.replaced_by,
    (
      select b.trace_id from kki.change c join kki.batch b on b.id = c.batch_id
      where c.registration_id = r.id order by c.id desc limit 1
    ) as trace_id
  from sdmk.registration r
  where r.health_worker_id in (select id from person_id)
  union all
  select a.id, nextval('sdmk.version_seq'), false, null, null, null, null, null, null, null, null, null, null, null, null, null,
    null, null, null
  from asked_registration a
  where not exists (select from sdmk.registration r where r.id = a.id)
)
select
  jsonb_build_object(
    'health_workers', coalesce((select jsonb_agg(jsonb_strip_nulls(to_jsonb(p))) from person p), '[]'),
    'registrations', coalesce((select jsonb_agg(jsonb_strip_nulls(to_jsonb(r))) from registration r), '[]')
  )::text as payload,
  (select count(*) from person) + (select count(*) from registration) as rows;
