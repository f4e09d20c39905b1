-- reads: plan_row, staged_row
-- writes: sdmk.health_worker
insert into sdmk.health_worker (id, nik_digest, nik_sealed, name, title_prefix, title_suffix, name_key,
  birth_place, birth_place_key, birth_date, sex, nik_at, name_at, birth_place_at, birth_date_at, sex_at)
overriding system value
select
  p.health_worker_id, nik.nik_digest, nik.nik_sealed, s.name, s.title_prefix, s.title_suffix, s.name_key,
  s.birth_place, s.birth_place_key, s.birth_date, s.sex,
  case when nik.nik_digest is not null then coalesce(s.person_at, s.source_at) end,
  coalesce(s.person_at, s.source_at),
  case when s.birth_place is not null then coalesce(s.person_at, s.source_at) end,
  case when s.birth_date is not null then coalesce(s.person_at, s.source_at) end,
  case when s.sex is not null then coalesce(s.person_at, s.source_at) end
from plan_row p
join staged_row s on s.row_no = p.row_no
left join lateral (select s.nik_digest, s.nik_sealed) nik on not coalesce('NIK_IGNORED' = any (p.warnings), false)
where p.outcome = 'created'
order by p.health_worker_id;
