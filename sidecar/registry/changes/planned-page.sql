-- reads: page
-- writes: nothing
-- The complete lines of a page: "before" has the stored value of each field, "after" its value if the row is applied.
select page.id, (planned).outcome as outcome,
  case when (planned).rule is not null then concat_ws(' ', (planned).rule, nullif((planned).evidence, '')) end as reason,
  array(select x ->> 'code' from jsonb_array_elements((planned).problems) x) as codes,
  (staged).str_number as "strNumber", nullif((staged).profession, '') as profession, (planned).registration_id as "registrationId",
  (stored).status as "statusBefore",
  case when (planned).outcome in ('created', 'linked', 'updated') then case when is_newer then (stored).status else new_status end end
    as "statusAfter",
  (person).id as "healthWorkerId", case when (person).restricted_at is null then (person).name end as "nameBefore",
  case when (person).restricted_at is null then nullif((staged).name, '') end as "nameAfter",
  (person).restricted_at is null and coalesce((staged).nik_digest, (person).nik_digest) is not null as "hasNik",
  (person).restricted_at is not null as "isRestricted", null as undo, rank,
  case when (planned).outcome in ('created', 'linked', 'updated') and (stored).id is not null then jsonb_build_object(
    'status', (stored).status, 'source_status', (stored).source_status, 'competence', (stored).competence,
    'issued_on', (stored).issued_on, 'valid_until', (stored).valid_until, 'is_lifetime', (stored).is_lifetime,
    'institution', (stored).institution, 'graduation_year', (stored).graduation_year, 'province', (stored).province,
    'health_worker_id', (stored).health_worker_id
  ) else '{}' end || case when person_speaks then jsonb_build_object(
    'name', (person).name, 'title_prefix', (person).title_prefix, 'title_suffix', (person).title_suffix,
    'birth_place', (person).birth_place, 'birth_date', (person).birth_date, 'sex', (person).sex, 'nik_digest', false
  ) else '{}' end as before,
  case when (planned).outcome in ('created', 'linked', 'updated') and (stored).id is not null then jsonb_build_object(
    'health_worker_id', (planned).health_worker_id
  ) || case
    when is_newer then '{}'
    when (planned).deactivation_only then jsonb_build_object('status', new_status, 'source_status', (staged).source_status,
      'valid_until', coalesce((staged).valid_until, (stored).valid_until))
    else jsonb_build_object('status', new_status, 'source_status', (staged).source_status, 'competence', (staged).competence,
      'issued_on', (staged).issued_on, 'valid_until', (staged).valid_until, 'is_lifetime', (staged).is_lifetime,
      'institution', (staged).institution, 'graduation_year', (staged).graduation_year, 'province', (staged).province)
  end else '{}' end || case when person_speaks then jsonb_strip_nulls(jsonb_build_object(
    'birth_place', case when birth_place_wins then (staged).birth_place end,
    'birth_date', case when birth_date_wins then (staged).birth_date end,
    'sex', case when sex_wins then (staged).sex end, 'nik_digest', case when nik_wins then true end
  )) || case when name_wins then jsonb_build_object(
    'name', (staged).name, 'title_prefix', (staged).title_prefix, 'title_suffix', (staged).title_suffix
  ) else '{}' end else '{}' end as after
from page
order by rank, page.id;
