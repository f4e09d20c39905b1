-- reads: sdmk.health_worker, sdmk.registration, staged_unchanged, str_group, unchanged, work
-- writes: known_match, work
-- Rules 2 to 7: rows whose STR or NIK a known person has, and rows that share their STR with another person's row.
-- The first statement finds these rows. A first load has hardly any, and no other row is compared.
create temp table known_match on commit drop as
with by_str as (
  select w.row_no, count(distinct r.health_worker_id) as people, min(r.health_worker_id) as health_worker_id,
    array_agg(distinct r.health_worker_id) as candidates, min(r.source_at) as oldest_at,
    max(r.source_at) filter (where r.status = 'active') as active_at,
    bool_or(not sdmk.is_overruled(w.source_at, w.status, w.source_status, r.source_at, r.stated_status, r.source_status)
      and (r.source_at, r.stated_status) is distinct from (w.source_at, w.status)) as has_news
  from work w
  join sdmk.registration r on r.str_number = w.str_number
  where w.outcome is null
  group by w.row_no
), by_nik as (
  select w.row_no, n.id as nik_worker
  from work w
  join sdmk.health_worker n on n.nik_digest = w.nik_digest
  where w.outcome is null
  union all
  -- Another row of the same STR and person may have the NIK that this one lacks.
  select w.row_no, n.id
  from str_group g
  join work w on w.str_number = g.str_number and w.outcome is null and w.nik_digest is null and not w.is_apart
  join sdmk.health_worker n on n.nik_digest = g.nik_digest
), doubted as (
  select row_no from work where outcome is null and (problems is not null or is_apart)
  union
  select w.row_no
  from str_group g
  join work w on w.str_number = g.str_number and w.outcome is null and not w.is_apart
  where not g.is_one_person
)
select m.row_no, m.people, m.health_worker_id, m.candidates, m.oldest_at, m.active_at, m.has_news, m.nik_worker,
  -- Other rows of the STR belong to a person that this deactivation does not concern.
  w.is_apart and exists (select from str_group o where o.str_number = w.str_number) as is_set_apart
from (
  select row_no, by_str.people, by_str.health_worker_id, by_str.candidates, by_str.oldest_at, by_str.active_at, by_str.has_news,
    by_nik.nik_worker
  from by_str
  full join by_nik using (row_no)
  full join doubted using (row_no)
) m
join work w using (row_no);
analyze known_match;
with known as materialized (
  select
    w.row_no, w.deactivation_only, w.problems,
    sdmk.is_urgent(w.status) as is_deactivation, w.source_at, w.content_hash,
    coalesce(not g.is_one_person, false) as is_shared,
    coalesce(m.people, 0) as people, m.candidates, m.oldest_at, m.active_at, m.has_news,
    sdmk.is_overruled(w.source_at, w.status, w.source_status, r.source_at, r.stated_status, r.source_status) as says_less,
    r.id as registration_id, r.version as registration_version, r.health_worker_id as registration_worker,
    r.content_hash as stored_hash, r.source_at as stored_at, r.status as stored_status,
    s.id as str_worker, s.erased_at is not null as is_erased, w.status as row_status,
    n.id as nik_worker,
    sdmk.same_person(by_str.nik, by_str.name, by_str.birth_date, by_str.birth_place, by_str.sex) as str_is_same,
    sdmk.same_holder(by_str.nik, by_str.name, by_str.birth_date, by_str.birth_place, by_str.sex) as is_holders,
    coalesce(n.id <> s.id, false) as nik_is_another,
    w.nik_digest is not null and s.nik_digest is null as brings_nik,
    w.is_apart, m.is_set_apart,
    by_nik.name = 'equal' and by_nik.birth_place = 'equal' and by_nik.birth_date is distinct from 'different'
      and (by_nik.sex is distinct from 'different' or by_nik.birth_date = 'equal') as nik_agrees_fully,
    sdmk.same_nik_holder(by_nik.name, by_nik.birth_date, by_nik.birth_place, by_nik.sex) as nik_agrees
  from known_match m
  join work w on w.row_no = m.row_no
  left join str_group g on g.str_number = w.str_number and not w.is_apart
  left join sdmk.registration r on r.str_number = w.str_number and r.profession = w.profession
  left join sdmk.health_worker s on s.id = m.health_worker_id and m.people = 1
  left join sdmk.health_worker n on n.id = m.nik_worker
  cross join lateral (
    select sdmk.agreement(coalesce(w.nik_digest, g.nik_digest), s.nik_digest) as nik, sdmk.name_agreement(w.name_key, s.name_key) as name,
      sdmk.date_agreement(w.birth_date, s.birth_date) as birth_date,
      sdmk.place_agreement(w.birth_place_key, s.birth_place_key) as birth_place, sdmk.agreement(w.sex, s.sex) as sex
    -- Prevents that each value is computed again at every use.
    offset 0
  ) by_str
  cross join lateral (
    select sdmk.name_agreement(w.name_key, n.name_key) as name, sdmk.date_agreement(w.birth_date, n.birth_date) as birth_date,
      sdmk.place_agreement(w.birth_place_key, n.birth_place_key) as birth_place, sdmk.agreement(w.sex, n.sex) as sex
    offset 0
  ) by_nik
), decided as materialized (
  -- A negative rule rejects the row; 0 rejects it for its own problems.
  select known.*,
    case
      -- For an erased person a deactivation is stored. A reactivation needs the erased data, so a person decides.
      when is_erased and not (is_shared or is_set_apart) then
        case when row_status in ('active', 'unknown') and coalesce(stored_status, '') not in ('active', 'replaced') then -8 else 3 end
      when deactivation_only then
        case
          when people = 1 and not is_shared and is_holders and not nik_is_another then 3
          when problems is not null then 0
          when is_shared or people > 1 or (is_set_apart and people = 0) then -5
          when people = 1 then -4
          when nik_worker is not null then -7
        end
      when is_set_apart and people = 0 then -5
      -- Only deactivations of an unmatched person share the STR.
      when is_apart and people = 0 and nik_worker is null and problems is null then null
      when is_shared or people > 1 then
        case when nik_agrees_fully and coalesce(registration_worker = nik_worker, true) then 5 else -5 end
      when people = 1 then
        case
          when nik_is_another then -4
          when str_is_same then 3
          -- The deactivation is the holder's; only the other fields are in doubt.
          when is_deactivation and is_holders and registration_id is not null then 3
          else -4
        end
      when problems is not null then 0
      when nik_agrees then 6
      else -7
    end as rule
  from known
), tied as materialized (
  select decided.*,
    deactivation_only or (rule = 3 and people = 1 and not coalesce(str_is_same, false)) as uses_deactivation_only,
    is_erased and not is_shared and (registration_id is null or row_status = stored_status or stored_status = 'replaced') as says_nothing,
    case rule when 3 then str_worker when 5 then nik_worker when 6 then nik_worker end as health_worker_id,
    -- A deactivation without a readable profession applies to every registration of its STR.
    case when registration_id is null and deactivation_only then oldest_at else stored_at end as known_at
  from decided
)
update work w
set
  rule = case when t.rule <> -8 then nullif(abs(t.rule), 0) end,
  health_worker_id = t.health_worker_id,
  registration_id = case when t.rule > 0 then t.registration_id end,
  registration_version = case when t.rule > 0 then t.registration_version end,
  deactivation_only = t.uses_deactivation_only,
  code = case t.rule when -4 then 'IDENTITY_CONFLICT' when -7 then 'IDENTITY_CONFLICT' when -5 then 'STR_AMBIGUOUS' when -8 then 'LICENCE_OF_ERASED' end,
  candidates = case when t.rule <= 0 then
    case when t.rule <> -8 then
      (select array_agg(distinct c order by c) from unnest(t.candidates || t.nik_worker) c where c is not null)
    end
  end,
  -- Urgent: a deactivation that may concern a known person, or that is older than a stored active status. A person must see
  -- it first.
  urgent = t.is_deactivation and case
    when t.rule <= 0 then t.people > 0 or t.nik_worker is not null or t.is_shared or t.is_set_apart
    when t.registration_id is null and t.deactivation_only then coalesce(t.source_at < t.active_at, false)
    else coalesce(t.source_at < t.known_at and t.stored_status = 'active', false)
  end,
  outcome = case
    when t.rule <= 0 then 'rejected'
    when t.says_nothing then 'unchanged'
    when (t.stored_hash = t.content_hash and not (t.rule = 3 and t.brings_nik and not t.uses_deactivation_only)) or t.says_less then 'unchanged'
    when t.deactivation_only and t.registration_id is null then case when t.has_news then 'updated' else 'unchanged' end
    when t.uses_deactivation_only then 'updated'
    when t.registration_id is null then 'linked'
    else 'updated'
  end,
  warnings = array_remove(array[
    case when t.rule > 0 and t.source_at < t.known_at then 'STALE' end,
    case when t.rule > 0 and t.uses_deactivation_only and not t.is_erased then 'FIELD_IGNORED' when t.rule > 0 and t.problems is not null then 'NIK_IGNORED' end
  ], null)
from tied t
where w.row_no = t.row_no and t.rule is not null;

-- If the batch also lists the stored row, KKI itself confirms that the deactivation is outdated.
update work
set urgent = false
where urgent and outcome = 'unchanged'
  and registration_id in (
    select unnest(registration_ids) from staged_unchanged union all select registration_id from unchanged
  );
