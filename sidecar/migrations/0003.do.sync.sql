-- Runs and batches: who may ask for them, how they go on, and what they change in the registry.

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
  -- Verifies the signature of requests for operators. It is derived from the text of the key, which is not stored.
  public_key bytea,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  -- To the minute: a key that nobody uses should be revoked.
  last_used_at timestamptz,
  constraint api_key_digest_length check (octet_length(digest) = 32),
  constraint api_key_public_key_length check (octet_length(public_key) = 32)
);

create unique index api_key_digest_uniq on kki.api_key (digest);
create unique index api_key_public_key_uniq on kki.api_key (public_key);
create unique index api_key_name_uniq on kki.api_key (name) where revoked_at is null;

-- Signed requests that changed something, kept for as long as they could be sent again.
create table kki.signed_request (
  id uuid constraint signed_request_pkey primary key,
  remembered_until timestamptz not null
);

create table kki.run (
  id bigint generated always as identity constraint run_pkey primary key,
  -- The scheduled minute that this run answers. There is one run per slot, whatever the number of replicas.
  slot timestamptz,
  triggered_by text not null,
  mode text not null,
  apply_mode text not null default 'auto',
  professions text[],
  changed_since timestamptz,
  changed_until timestamptz,
  -- How many rows KKI counted without a filter after a full run had fetched all professions. KKI is asked once.
  counted bigint,
  skipped_reason text,
  actor text not null,
  api_key_id bigint constraint run_api_key_fkey references kki.api_key (id),
  idempotency_key text,
  request_digest bytea,
  request_id text not null,
  trace_id text not null,
  created_at timestamptz not null default now(),
  -- From then on no batch is added to the run.
  finished_at timestamptz,
  constraint run_triggered_by_known check (triggered_by in ('schedule', 'operator', 'api', 'command')),
  constraint run_mode_known check (mode in ('incremental', 'window', 'full', 'import', 'retry', 'decision', 'clock', 'check')),
  constraint run_apply_mode_known check (apply_mode in ('auto', 'hold')),
  constraint run_trace_id_shape check (trace_id ~ '^[0-9a-f]{32}$')
);

create unique index run_slot_uniq on kki.run (slot);
create unique index run_idempotency_key_uniq on kki.run (api_key_id, idempotency_key) nulls not distinct
  where idempotency_key is not null;

-- Sets of batch states and kinds, defined here and in sidecar/batch-terms.ts; a test compares them. Indexes and constraints
-- of kki.batch use them, so a migration that changes a set must make those anew.

-- A job works on the batch, or will.
create function kki.is_under_way(state text) returns boolean
  language sql immutable parallel safe
  return state in ('queued', 'fetching', 'planned');

-- The batch has not ended: it is under way, or waits for a person.
create function kki.is_open(state text) returns boolean
  language sql immutable parallel safe
  return kki.is_under_way(state) or state = 'held';

-- Every row of the batch has an outcome: a planned one, or the one that was applied.
create function kki.has_outcomes(state text) returns boolean
  language sql immutable parallel safe
  return state in ('planned', 'held', 'applied', 'undone');

-- The batch walks KKI's list. The other kinds have the same states and ledger.
create function kki.is_walk(kind text) returns boolean
  language sql immutable parallel safe
  return kind in ('incremental', 'window', 'full');

create table kki.batch (
  id bigint generated always as identity constraint batch_pkey primary key,
  run_id bigint not null constraint batch_run_fkey references kki.run (id),
  kind text not null,
  -- A profession code of SDMK, or * for all. Two walks of one partition may not be under way at once, and each partition has
  -- its own watermark.
  partition text collate "C" not null,
  state text not null default 'queued',
  -- Rises when a job takes the batch. A process with an older fence has lost the batch and may not write.
  fence bigint not null default 0,
  -- Attempts of a job since the batch last made progress, if they ended in an unexpected error or their end is unknown.
  attempts int not null default 0,
  -- KKI's own profession code that the batch asks for, or null for all.
  source_profession text,
  -- The last batch of a full run counts only rows outside these codes of KKI's: the other batches walked them.
  source_professions_covered text[],
  window_since timestamptz,
  window_until timestamptz,
  -- KKI's clock when the walk began.
  source_time timestamptz,
  cursor text,
  pages int not null default 0,
  -- Rows that the walk saw and left to the other batches of the run.
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
  -- Why the batch must wait for a person whatever its plan says: REQUESTED, UNDONE_WINDOW.
  hold_asked text[] not null default '{}',
  hold_reasons text[],
  error_code text,
  error_detail text,
  -- The undone batches whose windows this walk had to fetch again when its plan was begun.
  refetches bigint[] not null default '{}',
  -- Set in an undone batch: the batch that fetched its window again and was applied or discarded.
  refetched_by bigint constraint batch_refetched_by_fkey references kki.batch (id),
  trace_id text not null,
  created_at timestamptz not null default now(),
  fetch_started_at timestamptz,
  fetched_at timestamptz,
  planned_at timestamptz,
  finished_at timestamptz,
  undone_at timestamptz,
  version bigint not null default 1,
  constraint batch_kind_known check (kind in ('incremental', 'window', 'full', 'import', 'retry', 'decision', 'clock', 'check')),
  constraint batch_state_known check (state in (
    'queued', 'fetching', 'planned', 'held', 'applied', 'undone', 'failed', 'cancelled', 'discarded', 'superseded'
  )),
  constraint batch_trace_id_shape check (trace_id ~ '^[0-9a-f]{32}$'),
  constraint batch_error_told check ((state = 'failed') = (error_code is not null)),
  -- Every fetched row has one outcome, or the batch is not applied.
  constraint batch_ledger_balances check (
    not kki.has_outcomes(state) or fetched = created + linked + updated + unchanged + superseded + rejected
  )
);

-- A second open walk of a partition would fetch the same window.
create unique index batch_partition_busy_uniq on kki.batch (partition) where kki.is_under_way(state) and kki.is_walk(kind);
create index batch_run_id_idx on kki.batch (run_id);
create index batch_trace_id_idx on kki.batch (trace_id);
create index batch_held_idx on kki.batch (partition) where state = 'held';
create index batch_to_refetch_idx on kki.batch (partition) where state = 'undone' and refetched_by is null;

create table kki.watermark (
  partition text collate "C" constraint watermark_pkey primary key,
  -- All that KKI stamped before this is stored.
  position timestamptz not null,
  batch_id bigint not null constraint watermark_batch_fkey references kki.batch (id),
  moved_at timestamptz not null default now()
);

-- What a batch did to the registry: enough to show it and to undo it. A change of a person alone has no registration, and
-- one that an operator made by hand has no batch.
create table kki.change (
  id bigint generated always as identity constraint change_pkey primary key,
  batch_id bigint,
  row_no bigint,
  operation text not null,
  health_worker_id bigint not null,
  registration_id bigint,
  -- The fields that changed, as they were; null where the row was new.
  health_worker_before jsonb,
  registration_before jsonb,
  constraint change_operation_known check (operation in ('created', 'linked', 'updated', 'edited'))
);

create index change_batch_id_idx on kki.change (batch_id, id);
-- The last change of a licence or a person is looked for. Without the id at the end, the planner would read a table that
-- has just filled backwards by its primary key.
create index change_health_worker_id_idx on kki.change (health_worker_id, id);
create index change_registration_id_idx on kki.change (registration_id, id) where registration_id is not null;

-- Returns the former values of the fields in which a row changed; null where none did or there was no row.
create function kki.changed_fields(before jsonb, after jsonb) returns jsonb
  language sql immutable parallel safe
  return (
    select jsonb_object_agg(key, value) from jsonb_each(before)
    where value is distinct from after -> key and key not in ('version', 'updated_at')
  );

-- Returns the group that an undo restores as a whole or not at all: a value with its stamp, or all that one row of KKI says
-- of a licence. A newer row that confirms a value changes only its stamp.
create function kki.field_group(field text) returns text
  language sql immutable parallel safe
  return case
    when field in ('name', 'title_prefix', 'title_suffix', 'name_key', 'name_at') then 'name'
    when field in ('nik_digest', 'nik_sealed', 'nik_at') then 'nik'
    when field in ('birth_place', 'birth_place_key', 'birth_place_at') then 'birth_place'
    when field in ('birth_date', 'birth_date_at') then 'birth_date'
    when field in ('sex', 'sex_at') then 'sex'
    when field = 'health_worker_id' then 'person'
    when field in ('status', 'replaced_by') then 'status'
    else 'row'
  end;

-- Rows of KKI from which the stored registrations came: a row that comes again byte for byte is not even read. Safe to
-- truncate: the next full run reads every row again. The digest is keyed, as a NIK's is.
create table kki.known_input (
  digest uuid constraint known_input_pkey primary key,
  registration_id bigint not null,
  -- If the registration has changed since, the row is read again.
  registration_version bigint not null,
  batch_id bigint not null,
  -- Codes of the row's warnings, joined by commas. They are counted each time the row comes.
  warnings text
);

-- Registrations that full runs no longer list. They are reported and not changed.
create table kki.unseen (
  registration_id bigint constraint unseen_pkey primary key
    constraint unseen_registration_fkey references sdmk.registration (id) on delete cascade,
  -- Consecutive full runs that did not list it. It is reported from the second on.
  missed_runs int not null,
  first_missed_at timestamptz not null default now(),
  last_missed_at timestamptz not null default now(),
  last_batch_id bigint not null constraint unseen_last_batch_fkey references kki.batch (id)
);
