-- One line per row of the batch that needs a decision: what identifies it, then what becomes of it. The steps that follow
-- fill the second half; a row that none of them touches meets nobody and stands alone in its batch.
create temp table work (
  row_no bigint not null,
  -- If the row creates a person, that person gets this id; its NIK is sealed for it. Null where it has no NIK.
  new_health_worker_id bigint,
  -- Null in rows of SDMK's own people without a licence.
  str_number text collate "C",
  profession text collate "C",
  nik_digest bytea,
  name_key text collate "C",
  birth_date date,
  birth_place_key text collate "C",
  sex text,
  status text not null,
  -- KKI's own word; null in rows of SDMK's own people without a licence.
  source_status text,
  source_at timestamptz not null,
  content_hash bytea not null,
  ending_only boolean not null,
  problems jsonb,
  is_repeated boolean not null,
  -- A deactivation that cannot be of whom the other rows of its STR tell: it is judged alone.
  is_apart boolean not null default false,
  outcome text,
  rule smallint,
  code text,
  urgent boolean not null default false,
  health_worker_id bigint,
  registration_id bigint,
  registration_version bigint,
  evidence text,
  candidates bigint[],
  -- Of rows about one person whom only this batch knows: the row that creates the person.
  leader_row_no bigint,
  decision_id bigint,
  -- Of a superseded row: the row that counts instead.
  winner_row_no bigint,
  warnings text[]
) on commit drop;

-- STR numbers about which a check of the registry asks: their rows are shown to the reviewer, whatever becomes of them.
create temp table asked on commit drop as
select d.subject as str_number,
  jsonb_agg(distinct jsonb_build_object('code', d.code, 'instancePath', '', 'params', '{}'::jsonb)) as problems,
  array_agg(distinct c.id order by c.id) as candidates
from kki.rejection d
cross join unnest(d.candidates) c (id)
where d.state = 'open' and d.source = 'kki' and d.first_batch_id in (select id from kki.batch where kind = 'check')
group by d.subject;
