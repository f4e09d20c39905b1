-- reads: sdmk.health_worker
-- writes: block
-- The people to check: those with $1 < id <= $2.
create temp table block on commit drop as
select id, id as row_no, nik_digest, name_key, birth_date, birth_place_key, sex
from sdmk.health_worker
where id > $1 and id <= $2 and restricted_at is null and erased_at is null;
