-- The life of runs and batches, what they refused, what they changed, and who did what.

create schema if not exists kki;

create table kki.setting (
  integration text constraint setting_pkey primary key,
  active boolean not null,
  schedule text not null,
  -- null: every profession of the mapping
  professions text[],
  reject_alert_ratio numeric not null,
  create_unmatched text not null,
  version bigint not null default 1,
  changed_at timestamptz not null default now(),
  changed_by text not null,
  constraint setting_reject_alert_ratio_share check (reject_alert_ratio > 0 and reject_alert_ratio <= 1),
  constraint setting_create_unmatched_known check (create_unmatched in ('create', 'desk'))
);

create table kki.api_key (
  id bigint generated always as identity constraint api_key_pkey primary key,
  name text not null,
  digest bytea not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  constraint api_key_digest_length check (octet_length(digest) = 32)
);

create unique index api_key_digest_uniq on kki.api_key (digest);
create unique index api_key_name_uniq on kki.api_key (name) where revoked_at is null;

create table kki.run (
  id bigint generated always as identity constraint run_pkey primary key,
  -- The scheduled minute that this run answers; one run per slot, whatever the number of replicas.
  slot timestamptz,
  triggered_by text not null,
  mode text not null,
  apply_mode text not null default 'auto',
  professions text[],
  changed_since timestamptz,
  changed_until timestamptz,
  skipped_reason text,
  actor text not null,
  api_key_id bigint constraint run_api_key_fkey references kki.api_key (id),
  idempotency_key text,
  request_digest bytea,
  request_id text not null,
  trace_id text not null,
  created_at timestamptz not null default now(),
  -- When nothing more will be added to it.
  finished_at timestamptz,
  constraint run_triggered_by_known check (triggered_by in ('schedule', 'operator', 'api', 'command')),
  constraint run_mode_known check (mode in ('incremental', 'window', 'full')),
  constraint run_apply_mode_known check (apply_mode in ('auto', 'hold')),
  constraint run_trace_id_shape check (trace_id ~ '^[0-9a-f]{32}$')
);

create unique index run_slot_uniq on kki.run (slot);
create unique index run_idempotency_key_uniq on kki.run (api_key_id, idempotency_key) nulls not distinct where idempotency_key is not null;

create table kki.batch (
  id bigint generated always as identity constraint batch_pkey primary key,
  run_id bigint not null constraint batch_run_fkey references kki.run (id),
  kind text not null,
  -- A profession code of SDMK, or * for all: what may not be walked twice at once, and what a watermark belongs to.
  partition text collate "C" not null,
  state text not null default 'queued',
  -- Rises when a job takes the batch; a process whose fence is behind has lost it and may not write.
  fence bigint not null default 0,
  -- What KKI is asked for: its own profession code, or null for all.
  source_profession text,
  -- The last batch of a full run counts only rows outside these codes of KKI's: its siblings walked them.
  source_professions_covered text[],
  window_since timestamptz,
  window_until timestamptz,
  -- KKI's clock when the walk began.
  source_time timestamptz,
  cursor text,
  pages int not null default 0,
  -- Rows that the walk saw and left to its siblings.
  passed_over bigint not null default 0,
  expected_total bigint,
  fetched bigint not null default 0,
  created bigint not null default 0,
  linked bigint not null default 0,
  updated bigint not null default 0,
  unchanged bigint not null default 0,
  superseded bigint not null default 0,
  rejected bigint not null default 0,
  deactivated bigint not null default 0,
  as_of date,
  plan_digest text,
  replans int not null default 0,
  hold_reasons text[],
  error_code text,
  error_detail text,
  trace_id text not null,
  created_at timestamptz not null default now(),
  fetch_started_at timestamptz,
  fetched_at timestamptz,
  planned_at timestamptz,
  finished_at timestamptz,
  version bigint not null default 1,
  constraint batch_kind_known check (kind in ('incremental', 'window', 'full', 'import', 'retry', 'decision', 'clock')),
  constraint batch_state_known check (state in ('queued', 'fetching', 'planned', 'held', 'applied', 'undone', 'failed', 'cancelled', 'discarded', 'superseded')),
  constraint batch_trace_id_shape check (trace_id ~ '^[0-9a-f]{32}$'),
  constraint batch_error_told check ((state = 'failed') = (error_code is not null)),
  -- The ledger balances or the batch is not applied.
  constraint batch_ledger_balances check (
    state not in ('planned', 'held', 'applied', 'undone')
    or fetched = created + linked + updated + unchanged + superseded + rejected
  )
);

-- One open batch per partition: a second one would walk the same window against it.
create unique index batch_partition_busy_uniq on kki.batch (partition)
  where state in ('queued', 'fetching', 'planned') and kind in ('incremental', 'window', 'full');
create index batch_run_id_idx on kki.batch (run_id);
create index batch_trace_id_idx on kki.batch (trace_id);

create table kki.watermark (
  partition text collate "C" constraint watermark_pkey primary key,
  -- All that KKI stamped before this is stored.
  position timestamptz not null,
  batch_id bigint not null constraint watermark_batch_fkey references kki.batch (id),
  moved_at timestamptz not null default now()
);

-- Staging: one partition per batch, dropped whole when the batch has ended. Logged, so that a crash loses no page.

create table kki.staged_page (
  batch_id bigint not null,
  page int not null,
  row_count int not null,
  -- The page as KKI sent it, compressed and sealed: a row that is refused later is stored as it came.
  body_sealed bytea not null,
  constraint staged_page_pkey primary key (batch_id, page)
) partition by list (batch_id);

create table kki.staged_row (
  batch_id bigint not null,
  row_no bigint not null,
  page int not null,
  page_row int not null,
  str_number text collate "C" not null,
  str_raw text not null,
  str_format text not null,
  nik_digest bytea,
  nik_sealed bytea,
  nik_tail text,
  name text not null,
  title_prefix text,
  title_suffix text,
  name_key text collate "C" not null,
  birth_place text,
  birth_place_key text collate "C",
  birth_date date,
  sex text,
  profession text collate "C" not null,
  competence text,
  status text not null,
  source_status text not null,
  issued_on date,
  valid_until date,
  is_lifetime boolean not null,
  institution text,
  graduation_year int,
  province text,
  source_at timestamptz not null,
  content_hash bytea not null,
  warnings text[],
  -- Only the ending of this row may be used: the rest of it has the problems listed.
  ending_only boolean not null,
  problems jsonb
) partition by list (batch_id);

create table kki.staged_rejection (
  batch_id bigint not null,
  row_no bigint not null,
  page int not null,
  page_row int not null,
  subject text collate "C" not null,
  str_number text collate "C",
  profession text collate "C",
  problems jsonb not null,
  urgent boolean not null,
  -- Refused by the plan rather than by its own content: made again with every plan.
  by_plan boolean not null,
  rule smallint,
  evidence text,
  candidates bigint[],
  raw_sealed bytea not null
) partition by list (batch_id);

-- What the plan decided for each row that is not simply unchanged.
create table kki.plan_row (
  batch_id bigint not null,
  row_no bigint not null,
  outcome text not null,
  rule smallint,
  evidence text,
  -- For a created person the id is taken when planning, so that the batch's other rows can point at it.
  health_worker_id bigint,
  health_worker_version bigint,
  registration_id bigint,
  registration_version bigint,
  status text,
  -- Nobody held the STR when the plan was made; if somebody does when it is applied, the plan no longer fits.
  str_is_new boolean not null default false,
  problems jsonb,
  candidates bigint[],
  urgent boolean not null default false,
  warnings text[],
  constraint plan_row_outcome_known check (outcome in ('created', 'linked', 'updated', 'unchanged', 'superseded', 'rejected'))
) partition by list (batch_id);

-- Makes the staging partitions of a batch, empty. Attaching locks the parents lightly: other batches go on meanwhile.
create function kki.open_staging(batch bigint) returns void
  language plpgsql as $$
declare
  parent text;
begin
  foreach parent in array array['staged_page', 'staged_row', 'staged_rejection', 'plan_row'] loop
    if to_regclass(format('kki.%I', parent || '_' || batch)) is null then
      execute format('create table kki.%I (like kki.%I including all)', parent || '_' || batch, parent);
      execute format('alter table kki.%I attach partition kki.%I for values in (%s)', parent, parent || '_' || batch, batch);
    else
      execute format('truncate kki.%I', parent || '_' || batch);
    end if;
  end loop;
end
$$;

-- Drops the staging partitions of a batch. Needs the parents for itself for a moment, so callers set lock_timeout.
create function kki.drop_staging(batch bigint) returns void
  language plpgsql as $$
declare
  parent text;
begin
  foreach parent in array array['staged_page', 'staged_row', 'staged_rejection', 'plan_row'] loop
    execute format('drop table if exists kki.%I', parent || '_' || batch);
  end loop;
end
$$;

create table kki.rejection (
  id bigint generated always as identity constraint rejection_pkey primary key,
  source text not null default 'kki',
  -- The canonical STR, or row: and the digest of a row that has none.
  subject text collate "C" not null,
  str_number text collate "C",
  profession text collate "C",
  code text not null,
  -- Where in the row, and what about it: [{"instancePath": "/nik", "params": {...}}, ...]
  problems jsonb not null,
  state text not null default 'open',
  urgent boolean not null,
  rule smallint,
  evidence text,
  candidates bigint[],
  seen_count bigint not null default 1,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  first_batch_id bigint not null constraint rejection_first_batch_fkey references kki.batch (id),
  last_batch_id bigint not null constraint rejection_last_batch_fkey references kki.batch (id),
  version bigint not null default nextval('sdmk.version_seq'),
  constraint rejection_state_known check (state in ('open', 'resolved', 'dismissed', 'healed'))
);

create unique index rejection_open_uniq on kki.rejection (source, subject, code) where state = 'open';
create index rejection_state_idx on kki.rejection (state, urgent, id);

-- Each time a batch met a refused row: where it stood and what it said. Several codes of one row share its row number.
create table kki.rejection_occurrence (
  batch_id bigint not null constraint rejection_occurrence_batch_fkey references kki.batch (id),
  row_no bigint not null,
  rejection_id bigint not null constraint rejection_occurrence_rejection_fkey references kki.rejection (id),
  page int not null,
  page_row int not null,
  -- The row as KKI sent it, sealed; null once RAW_RETENTION_DAYS have passed.
  raw_sealed bytea,
  constraint rejection_occurrence_pkey primary key (batch_id, row_no, rejection_id)
);

create index rejection_occurrence_rejection_id_idx on kki.rejection_occurrence (rejection_id);

-- What a batch did to the registry: enough to show it and to take it back.
create table kki.change (
  id bigint generated always as identity constraint change_pkey primary key,
  batch_id bigint not null,
  row_no bigint not null,
  operation text not null,
  health_worker_id bigint not null,
  registration_id bigint not null,
  -- The fields that changed, as they were; null where the row was new.
  health_worker_before jsonb,
  registration_before jsonb,
  constraint change_operation_known check (operation in ('created', 'linked', 'updated'))
);

create index change_batch_id_idx on kki.change (batch_id, id);
create index change_health_worker_id_idx on kki.change (health_worker_id);

create table kki.audit_event (
  id bigint generated always as identity constraint audit_event_pkey primary key,
  at timestamptz not null default clock_timestamp(),
  action text not null,
  actor text not null,
  api_key_id bigint,
  run_id bigint,
  batch_id bigint,
  request_id text,
  trace_id text,
  detail jsonb not null default '{}'
);

create index audit_event_batch_id_idx on kki.audit_event (batch_id);

create function kki.refuse_change() returns trigger
  language plpgsql as $$
begin
  raise exception 'audit events are append-only';
end
$$;

create trigger audit_event_append_only before update or delete on kki.audit_event
  for each row execute function kki.refuse_change();
create trigger audit_event_no_truncate before truncate on kki.audit_event
  for each statement execute function kki.refuse_change();

-- The fields of a row that differ from what they became, as they were; null where none does or there was no row.
create function kki.changed_fields(before jsonb, after jsonb) returns jsonb
  language sql immutable parallel safe
  return (
    select jsonb_object_agg(key, value) from jsonb_each(before)
    where value is distinct from after -> key and key not in ('version', 'updated_at')
  );
