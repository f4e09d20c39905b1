-- reads: kki.batch, plan_row, sdmk.health_worker, sdmk.registration, staged_row
-- writes: nothing
-- The changes that the plan of batch $1 would make, one line for each row. Optional filters: outcome $2, profession $3, STR $4,
-- row numbers $5. Rules for licences are the same as in apply/registrations, rules for people as in apply/people.
select p.row_no as id, p.rank, p as planned, s as staged, r as stored, h as person, b.kind as batch_kind, says.is_newer, says.new_status,
  says.person_speaks, says.at,
  -- The same licences as in plan/report/04-effects.sql, each by the row that deactivates it.
  coalesce(
    (p.outcome = 'updated' and r.status = 'active' and sdmk.is_deactivated(p.status))
    or (p.outcome = 'updated' and p.registration_id is null and sdmk.is_deactivated(p.status) and exists (
      select from sdmk.registration x
      where x.str_number = s.str_number and x.status = 'active'
        and not sdmk.is_overruled(s.source_at, p.status, s.source_status, x.source_at, x.stated_status, x.source_status)
    ))
    or (p.outcome in ('linked', 'updated') and p.status = 'deceased' and exists (
      select from sdmk.registration x where x.health_worker_id = p.health_worker_id and x.status = 'active'
    )), false) as is_deactivated,
  coalesce('NAME_CHANGED' = any (p.warnings), false) as is_renamed,
  p.outcome in ('updated', 'superseded') and not coalesce(
    -- Columns of the licence, if the row is the newest about it.
    (p.outcome = 'updated' and not says.is_newer and (
      r.id is null
      or (r.status, r.source_status) is distinct from (says.new_status, s.source_status)
      or case when p.deactivation_only then r.valid_until <> s.valid_until
        else (r.competence, r.issued_on, r.valid_until, r.is_lifetime, r.institution, r.graduation_year, r.province)
          is distinct from (s.competence, s.issued_on, s.valid_until, s.is_lifetime, s.institution, s.graduation_year, s.province)
      end
    ))
    or (p.outcome = 'updated' and r.health_worker_id <> p.health_worker_id)
    or (says.person_speaks and (
      says.name_wins or says.nik_wins
      or (s.birth_place <> h.birth_place or h.birth_place is null) and says.birth_place_wins
      or (s.birth_date <> h.birth_date or h.birth_date is null) and says.birth_date_wins
      or (s.sex <> h.sex or h.sex is null) and says.sex_wins
    )), false) as is_stamp_only,
  p.registration_id is null and s.str_number is null as is_person_only,
  says.name_wins, says.nik_wins, says.birth_place_wins, says.birth_date_wins, says.sex_wins
from plan_row p
join kki.batch b on b.id = $1
join staged_row s on s.row_no = p.row_no
left join sdmk.registration r on r.id = p.registration_id
left join sdmk.health_worker h on h.id = p.health_worker_id
cross join lateral (select coalesce(s.person_at, s.source_at) as at) stamp
cross join lateral (
  select stamp.at,
    r.id is not null and r.stated_status <> 'deceased'
      and sdmk.is_overruled(s.source_at, p.status, s.source_status, r.source_at, r.stated_status, r.source_status) as is_newer,
    case when s.status = 'active' and r.status in ('replaced', 'deceased') then r.status else p.status end as new_status,
    p.outcome in ('linked', 'updated', 'superseded') and p.deactivation_only is not true and h.id is not null as person_speaks,
    'NAME_IGNORED' = any (p.warnings) is not true
      and (s.name, s.title_prefix, s.title_suffix) is distinct from (h.name, h.title_prefix, h.title_suffix)
      and (stamp.at > h.name_at or (stamp.at = h.name_at and (stamp.at = 'infinity' or s.name > h.name))) as name_wins,
    s.nik_digest is not null and 'NIK_IGNORED' = any (p.warnings) is not true
      and (h.nik_digest is null or (h.nik_digest <> s.nik_digest and b.kind = 'decision')) as nik_wins,
    s.birth_place is not null and (h.birth_place_at is null or stamp.at > h.birth_place_at
      or (stamp.at = h.birth_place_at and (stamp.at = 'infinity' or s.birth_place > h.birth_place))) as birth_place_wins,
    s.birth_date is not null and (h.birth_date_at is null or stamp.at > h.birth_date_at
      or (stamp.at = h.birth_date_at and (stamp.at = 'infinity' or s.birth_date > h.birth_date))) as birth_date_wins,
    s.sex is not null and (h.sex_at is null or stamp.at > h.sex_at
      or (stamp.at = h.sex_at and (stamp.at = 'infinity' or s.sex > h.sex))) as sex_wins
) says
where p.outcome not in ('unchanged', 'rejected')
  and ($2::text is null or p.outcome = $2)
  and ($3::text is null or s.profession = $3)
  and ($4::text is null or s.str_number = $4)
  and ($5::bigint[] is null or p.row_no = any ($5))
