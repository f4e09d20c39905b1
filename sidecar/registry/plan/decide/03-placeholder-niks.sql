-- reads: sdmk.health_worker, work
-- writes: repeated_nik, work
-- A NIK with three or more incompatible names identifies nobody: its rows continue without it. Names of one NIK are compared
-- in threes, so a NIK with more than 20 different names counts as a placeholder without a comparison.
create temp table repeated_nik on commit drop as
select nik_digest from work where nik_digest is not null group by nik_digest having count(*) > 1;

with carried as (
  select w.nik_digest, w.name_key from work w join repeated_nik using (nik_digest) where w.name_key is not null
  union
  select h.nik_digest, h.name_key from sdmk.health_worker h join repeated_nik using (nik_digest)
), crowded as (
  select nik_digest, array_agg(name_key) as names from carried group by nik_digest having count(*) >= 3
), placeholder as (
  select nik_digest from crowded
  where cardinality(names) > 20 or exists (
    select from unnest(names) a, unnest(names) b, unnest(names) c
    where a < b and b < c
      and sdmk.name_agreement(a, b) in ('near', 'different') and sdmk.name_agreement(b, c) in ('near', 'different')
      and sdmk.name_agreement(a, c) in ('near', 'different')
  )
)
update work w
set nik_digest = null,
  problems = coalesce(w.problems, '[]') || '[{"code": "NIK_INVALID", "instancePath": "/nik", "params": {"reason": "shared"}}]'
from placeholder p
where w.nik_digest = p.nik_digest;
