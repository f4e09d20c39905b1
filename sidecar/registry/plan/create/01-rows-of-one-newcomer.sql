-- reads: repeated_nik, str_group, work
-- writes: work
-- Rows that match no known person but each other. Rows of one STR (one person, by rule 1) and rows of one NIK form a cluster.
-- Its oldest active row creates the person; the other rows are compared with that row by rules 3, 6 and 7. If no row is
-- active, nobody is created.
with fresh as (
  select w.row_no, w.str_number, w.name_key, w.birth_date, w.birth_place_key, w.sex, w.status, w.source_at, w.content_hash,
    coalesce(coalesce(w.nik_digest, g.nik_digest)::text, w.str_number) as cluster
  from work w
  left join str_group g on g.str_number = w.str_number and not w.is_apart
  where w.outcome is null and (w.is_repeated or w.nik_digest in (select nik_digest from repeated_nik))
), led as (
  select fresh.*,
    first_value(row_no) over oldest_active as first_row_no,
    first_value(status) over oldest_active = 'active' as has_leader,
    first_value(str_number) over oldest_active as leader_str,
    first_value(name_key) over oldest_active as leader_name,
    first_value(birth_date) over oldest_active as leader_birth_date,
    first_value(birth_place_key) over oldest_active as leader_birth_place,
    first_value(sex) over oldest_active as leader_sex
  from fresh
  window oldest_active as (partition by cluster order by status <> 'active', source_at, content_hash, row_no)
), judged as materialized (
  select row_no, first_row_no,
    case
      when not has_leader then 0
      when row_no = first_row_no then 9
      when str_number = leader_str then 3
      when sdmk.same_nik_holder(
        sdmk.name_agreement(name_key, leader_name), sdmk.date_agreement(birth_date, leader_birth_date),
        sdmk.place_agreement(birth_place_key, leader_birth_place), sdmk.agreement(sex, leader_sex)) then 6
      else -7
    end as rule
  from led
)
update work w
set
  leader_row_no = case when j.rule <> 0 then j.first_row_no end,
  rule = nullif(abs(j.rule), 0),
  outcome = case when j.rule in (3, 6) then 'linked' when j.rule in (0, -7) then 'rejected' end,
  code = case j.rule when 0 then 'STR_INACTIVE' when -7 then 'IDENTITY_CONFLICT' end,
  urgent = j.rule = -7 and sdmk.is_urgent(w.status)
from judged j
where w.row_no = j.row_no;
