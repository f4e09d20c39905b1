-- What people decide, what the registry derives from several rows, and what is needed to take a batch back.

-- A licence's own status as KKI states it; registration.status is what follows from it together with the calendar, the
-- person's other licences and their death, so that it never depends on the order in which rows came.
alter table sdmk.registration add column stated_status text;
update sdmk.registration set stated_status = case when status in ('expired', 'replaced') then 'active' else status end;
alter table sdmk.registration
  alter column stated_status set not null,
  add constraint registration_stated_status_known
    check (stated_status in ('active', 'suspended', 'inactive', 'revoked', 'expired', 'deceased', 'unknown'));

create index registration_active_until_idx on sdmk.registration (valid_until) where status = 'active';

-- NIKs that a decision took from a person. They never match by themselves.
create table sdmk.former_nik (
  health_worker_id bigint not null constraint former_nik_health_worker_fkey references sdmk.health_worker (id) on delete cascade,
  nik_digest bytea not null,
  nik_sealed bytea not null,
  nik_tail text not null,
  replaced_at timestamptz not null default now(),
  constraint former_nik_pkey primary key (health_worker_id, nik_digest),
  constraint former_nik_digest_length check (octet_length(nik_digest) = 32)
);

alter table kki.run
  drop constraint run_mode_known,
  add constraint run_mode_known
    check (mode in ('incremental', 'window', 'full', 'import', 'retry', 'decision', 'clock'));

alter table kki.batch
  -- Why the batch must wait for a person whatever its plan says: REQUESTED, UNDONE_WINDOW.
  add column hold_asked text[] not null default '{}',
  add column undone_at timestamptz,
  -- Of an undone batch: the batch that fetched its window again and was applied or discarded.
  add column refetched_by bigint constraint batch_refetched_by_fkey references kki.batch (id);

create index batch_to_refetch_idx on kki.batch (partition) where state = 'undone' and refetched_by is null;
create index batch_held_idx on kki.batch (partition) where state = 'held';

-- Rows that do not come from KKI (sdmk import) may lack an STR. Their person fields are SDMK's own: person_at is then
-- infinity; null means the row's own stamp.
alter table kki.staged_row
  alter column str_number drop not null,
  alter column str_raw drop not null,
  alter column str_format drop not null,
  alter column profession drop not null,
  alter column source_status drop not null,
  add column person_at timestamptz;

alter table kki.staged_rejection
  -- Keyed digest of the row as it came: a dismissed rejection stays dismissed while it is the same.
  add column content_digest bytea,
  add column nik_digest bytea,
  add column name_key text collate "C",
  add column source_at timestamptz;

alter table kki.rejection
  add column content_digest bytea,
  add column nik_digest bytea,
  add column name_key text collate "C",
  add column source_at timestamptz,
  add column decided_at timestamptz,
  add column decided_by text,
  add column decision_reason text,
  -- The batch in which the row came in good order, or that carried the decision out.
  add column closed_by_batch_id bigint constraint rejection_closed_by_batch_fkey references kki.batch (id);

create index rejection_dismissed_idx on kki.rejection (source, subject, code) where state = 'dismissed';
create index rejection_closed_by_batch_idx on kki.rejection (closed_by_batch_id) where closed_by_batch_id is not null;

-- Rule 0: to whom a person said that the rows of this STR and NIK belong.
create table kki.decision (
  id bigint generated always as identity constraint decision_pkey primary key,
  str_number text collate "C" not null,
  -- Of the row; null where it has none that identifies somebody.
  nik_digest bytea,
  -- Null until the person whom the decision creates exists.
  health_worker_id bigint constraint decision_health_worker_fkey references sdmk.health_worker (id),
  rejection_id bigint constraint decision_rejection_fkey references kki.rejection (id),
  batch_id bigint constraint decision_batch_fkey references kki.batch (id),
  decided_by text not null,
  decided_at timestamptz not null default now(),
  withdrawn_at timestamptz
);

create unique index decision_standing_uniq on kki.decision (str_number, nik_digest) nulls not distinct where withdrawn_at is null;
create index decision_health_worker_id_idx on kki.decision (health_worker_id);

-- A change of a person alone has no registration; one that an operator made by hand has no batch.
alter table kki.change
  alter column batch_id drop not null,
  alter column row_no drop not null,
  alter column registration_id drop not null,
  drop constraint change_operation_known,
  add constraint change_operation_known check (operation in ('created', 'linked', 'updated', 'edited'));

create index change_registration_id_idx on kki.change (registration_id) where registration_id is not null;

-- Registrations that full runs no longer show; nothing is done to them for it.
create table kki.unseen (
  registration_id bigint constraint unseen_pkey primary key
    constraint unseen_registration_fkey references sdmk.registration (id) on delete cascade,
  -- Full runs in a row that did not show it; reported from the second on.
  missed_runs int not null,
  first_missed_at timestamptz not null default now(),
  last_missed_at timestamptz not null default now(),
  last_batch_id bigint not null constraint unseen_last_batch_fkey references kki.batch (id)
);

alter table kki.plan_row
  -- Only status, end date and stamp of the row may be used.
  add column ending_only boolean not null default false;

-- Taking a batch back.

-- What a field belongs to: a value and its stamp, or all that one row of KKI says of a licence, go back together or not at
-- all. A newer row that confirms a value moves its stamp alone.
create function kki.field_group(field text) returns text
  language sql immutable parallel safe
  return case
    when field in ('name', 'title_prefix', 'title_suffix', 'name_key', 'name_at') then 'name'
    when field in ('nik_digest', 'nik_sealed', 'nik_tail', 'nik_at') then 'nik'
    when field in ('birth_place', 'birth_place_key', 'birth_place_at') then 'birth_place'
    when field in ('birth_date', 'birth_date_at') then 'birth_date'
    when field in ('sex', 'sex_at') then 'sex'
    when field = 'health_worker_id' then 'person'
    when field in ('status', 'replaced_by') then 'status'
    else 'row'
  end;
