-- The audit: who did what, and a chain that shows if somebody changes it.

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
-- What an operator reads in an error, and what a trace of a batch leads to.
create index audit_event_run_id_idx on kki.audit_event (run_id) where run_id is not null;
create index audit_event_request_id_idx on kki.audit_event (request_id);
create index audit_event_trace_id_idx on kki.audit_event (trace_id);
-- The history of a person.
create index audit_event_health_worker_idx on kki.audit_event ((detail -> 'healthWorkerId'), id)
  where detail ? 'healthWorkerId';
-- The lookups of NIKs by a key within the last hour are counted before each lookup.
create index audit_event_nik_lookup_idx on kki.audit_event (api_key_id, at) where action = 'nik.looked_up';
-- Audit events about sealed values in the wrong place are counted for each scrape.
create index audit_event_seal_unfit_idx on kki.audit_event (at) where action = 'seal.unfit';
-- The blocks of disclosures whose digests are in the audit chain.
create index audit_event_disclosures_idx on kki.audit_event (id) where action in ('disclosures.sealed', 'disclosures.purged');

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

-- One link for each event. It hashes its event and the link before it, so an event that is changed, removed, moved or
-- inserted shows. A chain whose end was cut off shows by comparison with a head that was noted elsewhere: in the log and in
-- Odoo.
create table kki.audit_chain (
  seq bigint constraint audit_chain_pkey primary key constraint audit_chain_seq_positive check (seq > 0),
  -- No foreign key: the link outlives an event that somebody removed, and proves that there was one.
  event_id bigint not null constraint audit_chain_event_id_key unique,
  event_hash bytea not null constraint audit_chain_event_hash_length check (octet_length(event_hash) = 32),
  -- Signed with this key of the secret `nik-keys`, which the owner of the database lacks.
  key_id smallint not null constraint audit_chain_key_id_range check (key_id between 1 and 255),
  hash bytea not null constraint audit_chain_hash_length check (octet_length(hash) = 32)
);

create trigger audit_chain_append_only before update or delete on kki.audit_chain
  for each row execute function kki.refuse_change();
create trigger audit_chain_no_truncate before truncate on kki.audit_chain
  for each statement execute function kki.refuse_change();

-- Committed events that have no link yet. An event gets its id before its commit, so the chain has another order than ids.
create table kki.audit_unchained (
  event_id bigint constraint audit_unchained_pkey primary key
);

create function kki.await_link() returns trigger
  language plpgsql as $$
begin
  insert into kki.audit_unchained (event_id) select id from added;
  return null;
end
$$;

create trigger audit_event_await_link after insert on kki.audit_event
  referencing new table as added for each statement execute function kki.await_link();

-- The result of the last verification: one row.
create table kki.audit_check (
  is_last boolean constraint audit_check_pkey primary key default true constraint audit_check_is_last check (is_last),
  checked_at timestamptz not null default now(),
  events bigint not null,
  findings bigint not null,
  -- Heads that Odoo had noted and that were not in the chain at the last comparison.
  odoo_differing bigint not null default 0
);
