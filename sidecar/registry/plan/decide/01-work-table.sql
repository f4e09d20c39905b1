-- reads: kki.batch, kki.rejection, staged_row
-- writes: asked, newcomer, unchanged, work
-- One line per row of the batch that needs a decision: its identifying values, then its outcome, which the following steps
-- fill in. A row that no step touches matches no person, neither in the registry nor in its batch.
-- Setting sdmk.as_of: licences whose last day is before this day are expired.
create temp table work (
  row_no bigint not null,
  -- If the row creates a person, that person gets this id; its NIK is sealed for it. Null if it has no NIK.
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
  deactivation_only boolean not null,
  problems jsonb,
  is_repeated boolean not null,
  -- A deactivation that cannot concern the person of the other rows of its STR: it is matched separately.
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
  -- For rows about one new person: the row that creates the person.
  leader_row_no bigint,
  decision_id bigint,
  -- For a superseded row: the row that counts instead.
  winner_row_no bigint,
  warnings text[]
) on commit drop;

-- The rows without a person yet. A view, because the planner has statistics of the table and would have none of a copy.
create temp view newcomer as
select row_no, row_no as id, nik_digest, name_key, birth_date, birth_place_key, sex
from work
where outcome is null and name_key is not null;

-- STR numbers about which a check of the registry asks: their rows are shown to the reviewer, regardless of their outcome.
create temp table asked on commit drop as
select d.subject as str_number,
  jsonb_agg(distinct jsonb_build_object('code', d.code, 'instancePath', '', 'params', '{}'::jsonb)) as problems,
  array_agg(distinct c.id order by c.id) as candidates
from kki.rejection d
cross join unnest(d.candidates) c (id)
where d.state = 'open' and d.source = 'kki' and d.first_batch_id in (select id from kki.batch where kind = 'check')
group by d.subject;

-- The staged rows that are unchanged. They need no decision, unless a check of the registry asks about their STR.
create temp table unchanged on commit drop as
select s.row_no, u.registration_id
from staged_row s
cross join lateral kki.unchanged_registration(s.str_number, s.profession, s.content_hash, s.nik_digest) u (registration_id)
where s.str_number not in (select str_number from asked);

insert into work (row_no, new_health_worker_id, str_number, profession, nik_digest, name_key, birth_date, birth_place_key, sex, status,
  source_status, source_at, content_hash, deactivation_only, problems, is_repeated)
with repeated as (
  select str_number
  from staged_row
  where row_no not in (select row_no from unchanged)
  group by str_number having count(*) > 1
)
select
  s.row_no, s.new_health_worker_id, s.str_number, s.profession, s.nik_digest, nullif(s.name_key, ''), s.birth_date, s.birth_place_key, s.sex,
  case when s.status = 'active' and s.valid_until < current_setting('sdmk.as_of')::date then 'expired' else s.status end,
  s.source_status, s.source_at, s.content_hash, s.deactivation_only, s.problems, repeated.str_number is not null
from staged_row s
left join repeated on repeated.str_number = s.str_number
where s.row_no not in (select row_no from unchanged);

-- Created after the rows, because building an index at once costs less than maintaining it row by row.
alter table work add primary key (row_no);
analyze work;
