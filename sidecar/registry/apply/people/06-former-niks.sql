-- reads: merged
-- writes: sdmk.former_nik
-- A NIK that a decision took from a person is stored, and never matches again.
insert into sdmk.former_nik (health_worker_id, nik_digest, nik_sealed)
select m.id, (m.before).nik_digest, m.former_nik_sealed
from merged m
where m.nik_is_replaced
order by m.id
on conflict do nothing;
