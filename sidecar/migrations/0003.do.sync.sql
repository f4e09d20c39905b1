-- Runs and batches: who may request them, their progress, and their changes of the registry.

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
  constraint setting_create_unmatched_known check (create_unmatched in ('create', 'review'))
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
  -- The professions that it reads; null for all. `is_filtered`: a request named them, so the run says nothing about the
  -- others and moves no watermark.
  professions text[],
  is_filtered boolean not null default false,
  changed_since timestamptz,
  changed_until timestamptz,
  -- The window that it reads, and KKI's clock at its start.
  window_since timestamptz,
  window_until timestamptz,
  source_time timestamptz,
  -- KKI's number of rows, or the number of the previous walk.
  expected_total bigint,
  skipped_reason text,
  actor text not null,
  api_key_id bigint constraint run_api_key_fkey references kki.api_key (id),
  idempotency_key text,
  request_digest bytea,
  request_id text not null,
  trace_id text not null,
  created_at timestamptz not null default now(),
  -- After this time no batch is added to the run.
  finished_at timestamptz,
  constraint run_triggered_by_known check (triggered_by in ('schedule', 'operator', 'api', 'command')),
  constraint run_mode_known check (mode in ('incremental', 'window', 'full', 'file', 'import', 'retry', 'decision', 'clock', 'check')),
  constraint run_apply_mode_known check (apply_mode in ('auto', 'hold')),
  constraint run_trace_id_shape check (trace_id ~ '^[0-9a-f]{32}$')
);

create unique index run_slot_uniq on kki.run (slot);
create unique index run_idempotency_key_uniq on kki.run (api_key_id, idempotency_key) nulls not distinct
  where idempotency_key is not null;

-- Sets of batch states and kinds, defined here and in sidecar/batch-terms.ts; a test compares them. Indexes and constraints
-- of kki.batch use them, so a migration that changes a set must create those again.

-- A job works on the batch, or will.
create function kki.is_under_way(state text) returns boolean
  language sql immutable parallel safe
  return state in ('queued', 'fetching', 'staged', 'planned');

-- The batch has not ended: it is under way or on hold.
create function kki.is_open(state text) returns boolean
  language sql immutable parallel safe
  return kki.is_under_way(state) or state = 'held';

-- Every row of the batch has an outcome: a planned one, or the one that was applied.
create function kki.has_outcomes(state text) returns boolean
  language sql immutable parallel safe
  return state in ('planned', 'held', 'applied', 'undone');

-- The batch, or its run, walks KKI's list. The other kinds have the same states and ledger.
create function kki.is_walk(kind text) returns boolean
  language sql immutable parallel safe
  return kind in ('incremental', 'window', 'full');

-- A second open run of a mode would read the same list.
create unique index run_open_uniq on kki.run (mode) where finished_at is null and kki.is_walk(mode);

create table kki.batch (
  id bigint generated always as identity constraint batch_pkey primary key,
  run_id bigint not null constraint batch_run_fkey references kki.run (id),
  kind text not null,
  -- The requested profession, null for all: SDMK's code, and one of KKI's codes for it.
  profession text collate "C",
  source_profession text,
  state text not null default 'queued',
  -- Rises when a job takes the batch. A process with an older fence has lost the batch and may not write.
  fence bigint not null default 0,
  -- Attempts of a job since the batch last made progress, if they ended in an unexpected error or their end is unknown.
  attempts int not null default 0,
  -- The cursors of the batch's first page and of its next page; sealed, null for the start of the list.
  start_cursor text,
  cursor text,
  pages int not null default 0,
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
  -- Reasons to hold the batch regardless of its plan: REQUESTED.
  hold_asked text[] not null default '{}',
  hold_reasons text[],
  -- A person discarded the batch and let the watermark pass it.
  is_waived boolean not null default false,
  -- Changes in the plan to known people, by profession. Later batches of the run add them to theirs.
  effects jsonb,
  error_code text,
  error_detail text,
  trace_id text not null,
  created_at timestamptz not null default now(),
  fetch_started_at timestamptz,
  fetched_at timestamptz,
  planned_at timestamptz,
  finished_at timestamptz,
  undone_at timestamptz,
  version bigint not null default 1,
  constraint batch_kind_known check (kind in ('incremental', 'window', 'full', 'file', 'import', 'retry', 'decision', 'clock', 'check')),
  constraint batch_state_known check (state in (
    'queued', 'fetching', 'staged', 'planned', 'held', 'applied', 'undone', 'failed', 'cancelled', 'discarded', 'superseded'
  )),
  constraint batch_trace_id_shape check (trace_id ~ '^[0-9a-f]{32}$'),
  constraint batch_error_told check ((state = 'failed') = (error_code is not null)),
  -- An applied batch has exactly one outcome for every fetched row.
  constraint batch_ledger_balances check (
    not kki.has_outcomes(state) or fetched = created + linked + updated + unchanged + superseded + rejected
  )
);

create index batch_run_id_idx on kki.batch (run_id);
create index batch_trace_id_idx on kki.batch (trace_id);
create index batch_held_idx on kki.batch (run_id) where state = 'held';

create table kki.watermark (
  integration text constraint watermark_pkey primary key,
  -- All rows with an earlier stamp of KKI are stored.
  position timestamptz not null,
  -- Null if a person moved it.
  run_id bigint constraint watermark_run_fkey references kki.run (id),
  moved_at timestamptz not null default now()
);

-- Windows that must be fetched again, since a batch that stored them was undone.
create table kki.refetch (
  id bigint generated always as identity constraint refetch_pkey primary key,
  -- Null: from the beginning.
  since timestamptz,
  until timestamptz not null,
  -- Null: all.
  professions text[],
  undone_batch_id bigint not null constraint refetch_undone_batch_fkey references kki.batch (id),
  -- The run that fetches it, and the time when all batches of that run were applied.
  run_id bigint constraint refetch_run_fkey references kki.run (id),
  done_at timestamptz
);

create index refetch_open_idx on kki.refetch (id) where done_at is null;
create index refetch_undone_batch_id_idx on kki.refetch (undone_batch_id);

-- The changes of a batch to the registry: enough to show and undo them. A change of a person alone has no registration, and
-- one that an operator made by hand has no batch.
create table kki.change (
  id bigint generated always as identity constraint change_pkey primary key,
  batch_id bigint,
  row_no bigint,
  operation text not null,
  health_worker_id bigint not null,
  registration_id bigint,
  -- The former values of the changed fields; null if the row was new.
  health_worker_before jsonb,
  registration_before jsonb,
  constraint change_operation_known check (operation in ('created', 'linked', 'updated', 'edited'))
);

create index change_batch_id_idx on kki.change (batch_id, id);
-- For the last change of a licence or a person. Without the id at the end, the planner would read a table that
-- has just filled backwards by its primary key.
create index change_health_worker_id_idx on kki.change (health_worker_id, id);
create index change_registration_id_idx on kki.change (registration_id, id) where registration_id is not null;
-- Few changes give a licence to somebody else. The history of the former holder shows them.
create index change_former_holder_idx on kki.change (((registration_before ->> 'health_worker_id')::bigint), id)
  where registration_before ? 'health_worker_id';

-- kki.changed_fields(before, after) returns the former values of the fields in which a person or a licence changed; null
-- if none did or there was no row. It names each column, since turning both rows into JSON took twice as long. It is
-- stable, as to_jsonb is: PostgreSQL does not inline a function that is declared less volatile than its body.
do $$
declare
  ours text;
begin
  foreach ours in array array['sdmk.health_worker', 'sdmk.registration'] loop
    execute (
      select format(
        'create function kki.changed_fields(before %1$s, after %1$s) returns jsonb
          language sql stable parallel safe
          return nullif(to_jsonb(before) - array_remove(array[''version'', ''updated_at'', %2$s], null), ''{}'')',
        ours,
        string_agg(format('case when (before).%1$I is not distinct from (after).%1$I then %1$L end', attname), ', ' order by attnum)
      )
      from pg_attribute
      where attrelid = ours::regclass and attnum > 0 and not attisdropped and attname not in ('version', 'updated_at')
    );
  end loop;
end
$$;

-- Returns the group of fields that an undo restores as a whole or not at all: a value with its stamp, or all that one row of
-- KKI says about a licence. A newer row that confirms a value changes only its stamp.
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

-- Registrations that full runs no longer list. They are reported and not changed.
create table kki.not_listed (
  registration_id bigint constraint not_listed_pkey primary key
    constraint not_listed_registration_fkey references sdmk.registration (id) on delete cascade,
  -- Consecutive full runs that did not list it. It is reported from the second on.
  missed_runs int not null,
  first_missed_at timestamptz not null default now(),
  last_missed_at timestamptz not null default now(),
  last_batch_id bigint not null constraint not_listed_last_batch_fkey references kki.batch (id)
);

-- Registrations that the applied batches of an open full run have listed. Once the whole run is applied, those missing here
-- are counted in kki.not_listed.
create table kki.shown (
  batch_id bigint constraint shown_pkey primary key constraint shown_batch_fkey references kki.batch (id),
  run_id bigint not null,
  registration_ids bigint[] not null
);

create index shown_run_id_idx on kki.shown (run_id);
