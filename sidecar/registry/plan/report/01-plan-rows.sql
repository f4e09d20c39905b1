-- reads: asked, plan_row, sdmk.health_worker, sdmk.str_number, staged_row, work
-- writes: plan_row
-- The plan. First the rows that create a person, with the reserved id of the row: by rule 9, if nothing matches and the
-- licence is active, or by a decision for a new person, who may take over another person's registration.
insert into plan_row (row_no, outcome, rule, evidence, health_worker_id, registration_id,
  registration_version, status, str_is_new, warnings)
select row_no, 'created', coalesce(rule, 9), '', coalesce(new_health_worker_id, nextval('sdmk.health_worker_id_seq')),
  registration_id, registration_version, status,
  str_number is not null
    and (rule is null or not exists (select from sdmk.str_number n where n.str_number = work.str_number)),
  nullif(array_remove(warnings || case when problems is not null then 'NIK_IGNORED' end, null), '{}')
from work
where outcome = 'created' or (outcome is null and status = 'active');

select kki.renew_statistics('plan_row');

-- Then all other rows, except those that change nothing.
insert into plan_row (row_no, outcome, rule, evidence, health_worker_id, health_worker_version,
  registration_id, registration_version, status, str_is_new, deactivation_only, problems, candidates, urgent, warnings)
with judged as (
  select w.*, coalesce(w.outcome, 'rejected') as final_outcome,
    w.outcome in ('linked', 'updated') and not w.deactivation_only as is_merged, coalesce(winner.health_worker_id, w.health_worker_id) as known_id,
    coalesce(winner.leader_row_no, winner.row_no, w.leader_row_no) as creator_row_no, winner.row_no as winning_row_no
  from work w
  left join work winner on winner.row_no = w.winner_row_no and winner.outcome is distinct from 'rejected'
  where (w.outcome <> 'created' and (w.outcome <> 'unchanged' or w.warnings <> '{}' or w.rule = 0
      or w.str_number in (select str_number from asked)))
    or (w.outcome is null and w.status <> 'active')
)
select
  j.row_no, j.final_outcome, j.rule,
  coalesce(
    case when other.name_key is not null then
      sdmk.match_evidence(j.nik_digest, j.name_key, j.birth_date, j.birth_place_key, j.sex,
        other.nik_digest, other.name_key, other.birth_date, other.birth_place_key, other.sex)
    end,
    ''
  ),
  case when j.final_outcome <> 'rejected' then coalesce(j.known_id, creator.health_worker_id) end, h.version,
  j.registration_id, j.registration_version, j.status,
  j.final_outcome = 'linked' and j.str_number is not null and (select n.str_number from sdmk.str_number n where n.str_number = j.str_number) is null,
  j.deactivation_only,
  case when j.final_outcome = 'rejected' then
    coalesce(j.problems, '[]') || case
      when j.code is not null then jsonb_build_array(jsonb_build_object('code', j.code, 'instancePath', '', 'params', '{}'::jsonb))
      when j.outcome is null then '[{"code": "STR_INACTIVE", "instancePath": "", "params": {}}]'
      else '[]'
    end
    when j.urgent then '[{"code": "DEACTIVATION_STALE", "instancePath": "", "params": {}}]'
    when name_waits then '[{"code": "NAME_DIFFERS", "instancePath": "", "params": {}}]'
    when j.rule <> 0 then asked.problems
  end,
  -- A person that the same batch creates is a candidate as well.
  case
    when j.final_outcome = 'rejected' then coalesce(j.candidates, array_remove(array[creator.health_worker_id], null))
    when name_waits then array[coalesce(j.known_id, creator.health_worker_id)]
    when j.rule <> 0 then asked.candidates
  end,
  j.urgent,
  nullif(array_remove(j.warnings || array[
    case when j.rule in (0, 1) and j.problems is not null then 'NIK_IGNORED' end,
    case
      when name_waits then 'NAME_IGNORED'
      when j.is_merged and h.name_key <> j.name_key and h.name_at < coalesce(s.person_at, j.source_at) then 'NAME_CHANGED'
    end,
    case when j.is_merged and s.person_at is null and (
      (h.name_at = 'infinity' and h.name_key <> j.name_key)
      or (h.nik_at = 'infinity' and h.nik_digest <> j.nik_digest)
      or (h.birth_place_at = 'infinity' and h.birth_place_key <> j.birth_place_key)
      or (h.birth_date_at = 'infinity' and h.birth_date <> j.birth_date)
      or (h.sex_at = 'infinity' and h.sex <> s.sex)
    ) then 'VALUE_KEPT' end
  ], null), '{}')
from judged j
left join asked on asked.str_number = j.str_number
left join staged_row s on s.row_no = j.row_no and (j.is_merged or j.outcome = 'superseded')
left join sdmk.health_worker h on h.id = j.known_id
left join work leader on leader.row_no = coalesce(j.winning_row_no, j.leader_row_no) and leader.row_no <> j.row_no
left join plan_row creator on creator.row_no = j.creator_row_no and creator.outcome = 'created'
-- The person to compare the row with: its person, the candidate that agrees most, or the row that creates the person.
left join lateral (
  select nik_digest, name_key, birth_date, birth_place_key, sex from (
    select h.nik_digest, h.name_key, h.birth_date, h.birth_place_key, h.sex where h.id is not null
    union all
    (
      select c.nik_digest, c.name_key, c.birth_date, c.birth_place_key, c.sex
      from sdmk.health_worker c
      where h.id is null and c.id = any (j.candidates)
      order by (c.nik_digest = j.nik_digest)::int + (c.birth_date = j.birth_date)::int desc nulls last,
        (c.name_key = j.name_key) desc, (c.birth_date = j.birth_date) desc nulls last, c.id
      limit 1
    )
    union all
    select leader.nik_digest, leader.name_key, leader.birth_date, leader.birth_place_key, leader.sex where leader.row_no is not null
  ) anyone
  limit 1
) other on true
-- NIK, STR and birth date match the person, and the name does not: the row is applied without its name.
cross join lateral (
  select j.final_outcome in ('linked', 'updated', 'superseded') and j.rule <> 0 and not j.deactivation_only and s.person_at is null
    and (h.id is null or h.name_at < j.source_at)
    and coalesce(case sdmk.name_agreement(other.name_key, j.name_key)
      when 'different' then true
      when 'near' then other.birth_place_key is distinct from j.birth_place_key or other.sex <> j.sex
    end, false) as name_waits
  -- Prevents that it is computed again at every use.
  offset 0
) name;

select kki.renew_statistics('plan_row');
