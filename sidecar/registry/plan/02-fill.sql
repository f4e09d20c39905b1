-- The rows of batch $1 as of the date $2. A row whose STR, profession and content are stored as they are needs no
-- decision, unless the batch lists its STR more than once, or a person has decided or is
-- asked about it.
insert into work (row_no, new_health_worker_id, str_number, profession, nik_digest, name_key, birth_date, birth_place_key, sex, status, source_status,
  source_at,
  content_hash, ending_only, problems, is_repeated)
with repeated as (
  select str_number from kki.staged_row where batch_id = $1 group by str_number having count(*) > 1
)
select
  s.row_no, s.new_health_worker_id, s.str_number, s.profession, s.nik_digest, nullif(s.name_key, ''), s.birth_date, s.birth_place_key, s.sex,
  case when s.status = 'active' and s.valid_until < $2::date then 'expired' else s.status end,
  s.source_status, s.source_at, s.content_hash, s.ending_only, s.problems, repeated.str_number is not null
from kki.staged_row s
left join repeated on repeated.str_number = s.str_number
left join sdmk.registration r
  on r.str_number = s.str_number and r.profession = s.profession and r.content_hash = s.content_hash
where s.batch_id = $1
  and (
    repeated.str_number is not null
    or exists (select from kki.decision d where d.str_number = s.str_number and d.withdrawn_at is null)
    or r.id is null
    or s.str_number in (select str_number from asked)
  );
