-- The review queue: open rejections, decisions about them, and KKI's answers to repeated requests.

create table kki.rejection (
  id bigint generated always as identity constraint rejection_pkey primary key,
  source text not null default 'kki',
  -- The canonical STR, or "row:" and the row's digest if it has no STR.
  subject text collate "C" not null,
  str_number text collate "C",
  profession text collate "C",
  code text not null,
  -- Places in the row, with parameters of the problem: [{"instancePath": "/nik", "params": {...}}, ...]
  problems jsonb not null,
  state text not null default 'open',
  urgent boolean not null,
  rule smallint,
  evidence text,
  candidates bigint[],
  seen_count bigint not null default 1,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  -- If that is a check of the registry (sdmk registry check), the rejection is a question about a stored licence. A decision
  -- alone answers it: a row of that licence, which is no longer rejected, says nothing new.
  first_batch_id bigint not null constraint rejection_first_batch_fkey references kki.batch (id),
  last_batch_id bigint not null constraint rejection_last_batch_fkey references kki.batch (id),
  decided_at timestamptz,
  decided_by text,
  decision_reason text,
  -- The batch in which the row was no longer rejected, or that carried out the decision.
  closed_by_batch_id bigint constraint rejection_closed_by_batch_fkey references kki.batch (id),
  version bigint not null default nextval('sdmk.version_seq'),
  constraint rejection_state_known check (state in ('open', 'resolved', 'dismissed', 'cleared'))
)
-- Each full run updates every open rejection: it was seen again.
with (fillfactor = 50);

create unique index rejection_open_uniq on kki.rejection (source, subject, code) where state = 'open';
create index rejection_subject_idx on kki.rejection (subject) where state in ('open', 'dismissed');
create index rejection_open_code_idx on kki.rejection (code, id) where state = 'open';
create index rejection_dismissed_idx on kki.rejection (source, subject, code) where state = 'dismissed';
create index rejection_state_idx on kki.rejection (state, urgent, id);
create index rejection_closed_by_batch_idx on kki.rejection (closed_by_batch_id) where closed_by_batch_id is not null;

-- One row for each time that a batch saw a rejected row. Several codes of one row share its row number. A rejection may
-- cover
-- rows of several people with one STR, and each row is open separately: if one person's row is no longer rejected, the other
-- person's revocation stays in the queue.
create table kki.rejection_occurrence (
  batch_id bigint not null constraint rejection_occurrence_batch_fkey references kki.batch (id),
  row_no bigint not null,
  rejection_id bigint not null constraint rejection_occurrence_rejection_fkey references kki.rejection (id),
  page int not null,
  page_row int not null,
  profession text collate "C",
  -- The row's licence status, and KKI's word for it; null if unknown.
  status text,
  source_status text,
  urgent boolean not null default false,
  nik_digest bytea,
  name_key text collate "C",
  source_at timestamptz,
  -- The row as KKI sent it, sealed; null after RAW_RETENTION_DAYS.
  raw_sealed bytea,
  -- Keyed digest of the original row: a dismissed rejection stays dismissed while the digest is the same.
  content_digest bytea,
  -- The batch that accepted this row, or that received it again and rejected it again.
  settled_by_batch_id bigint constraint rejection_occurrence_settled_by_fkey references kki.batch (id),
  constraint rejection_occurrence_pkey primary key (batch_id, row_no, rejection_id)
);

-- Sealed values cannot be compressed.
alter table kki.rejection_occurrence alter column raw_sealed set storage external;

-- For the last occurrence of a rejection; see kki.change about the order at the end.
create index rejection_occurrence_rejection_id_idx on kki.rejection_occurrence (rejection_id, batch_id, row_no);
create index rejection_occurrence_waiting_idx on kki.rejection_occurrence (rejection_id) where settled_by_batch_id is null;
create index rejection_occurrence_waiting_nik_idx on kki.rejection_occurrence (nik_digest)
  where settled_by_batch_id is null and nik_digest is not null;
create index rejection_occurrence_settled_by_idx on kki.rejection_occurrence (settled_by_batch_id)
  where settled_by_batch_id is not null;

-- Rule 0: a reviewer assigned this person to the rows of this STR and NIK.
create table kki.decision (
  id bigint generated always as identity constraint decision_pkey primary key,
  str_number text collate "C" not null,
  -- Null if the row has no NIK that identifies a person.
  nik_digest bytea,
  -- A decision about a row without a NIK is about the person of this name: a row of another person may have the same STR.
  name_key text collate "C",
  -- Null until the person that the decision creates exists.
  health_worker_id bigint constraint decision_health_worker_fkey references sdmk.health_worker (id),
  rejection_id bigint constraint decision_rejection_fkey references kki.rejection (id),
  batch_id bigint constraint decision_batch_fkey references kki.batch (id),
  -- Of the effects that were foreseen when it was made: its batch is held if it would do other harm.
  effects_digest text,
  decided_by text not null,
  decided_at timestamptz not null default now(),
  withdrawn_at timestamptz
);

create unique index decision_standing_uniq on kki.decision (str_number, nik_digest, name_key) nulls not distinct
  where withdrawn_at is null;
create index decision_health_worker_id_idx on kki.decision (health_worker_id);
-- The history of a person names who decided a batch.
create index decision_batch_id_idx on kki.decision (batch_id);
-- The review queue shows the decisions about a rejection.
create index decision_rejection_id_idx on kki.decision (rejection_id);

-- True if the decision applies to this row. Without a NIK the name decides: the same name, or a part of it. Such a name
-- may be that of a relative with the same STR, so the birth date must not contradict the person that the decision named.
create function kki.decision_fits(decision kki.decision, nik_digest bytea, name_key text, born_on date) returns boolean
  language sql stable parallel safe
  return decision.withdrawn_at is null
    and decision.nik_digest is not distinct from nik_digest
    and (decision.name_key is null or decision.name_key = name_key or (
      sdmk.name_agreement(decision.name_key, name_key) = 'part'
      and not exists (
        select from sdmk.health_worker h
        where h.id = decision.health_worker_id and sdmk.date_agreement(h.birth_date, born_on) = 'different'
      )
    ));

-- Returns the registration that a row would leave unchanged: SDMK holds exactly its content, and the person has or had its
-- NIK, or the row has none. While a decision exists for the STR, no row of it is unchanged. PostgreSQL inlines this.
create function kki.unchanged_registration(str_number text, profession text, content_hash bytea, nik_digest bytea)
  returns setof bigint
  language sql stable parallel safe
  begin atomic
    select r.id
    from sdmk.registration r
    where r.str_number = $1 and r.profession = $2 and r.content_hash = $3
      and (
        $4 is null
        or exists (select from sdmk.health_worker h where h.id = r.health_worker_id and h.nik_digest = $4)
        or exists (select from sdmk.former_nik f where f.health_worker_id = r.health_worker_id and f.nik_digest = $4)
      )
      and not exists (select from kki.decision d where d.str_number = $1 and d.withdrawn_at is null);
  end;

-- STRs that a retry batch requests from KKI, one by one.
create table kki.retry_item (
  batch_id bigint not null constraint retry_item_batch_fkey references kki.batch (id),
  item_no int not null,
  str_number text collate "C" not null,
  -- As KKI spelled it in the rejected row.
  str_asked text not null,
  -- Null until KKI has answered.
  answer text,
  answered_at timestamptz,
  constraint retry_item_pkey primary key (batch_id, item_no),
  constraint retry_item_answer_known check (answer in ('found', 'not_found', 'denied'))
);

create index retry_item_str_number_idx on kki.retry_item (str_number);
