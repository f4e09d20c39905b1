-- The audit events, chained: each link hashes its event and the link before it, so that an event that is changed, taken
-- out, moved or put in afterwards shows. What it cannot show by itself, a tail that was cut off, shows against a head that
-- was noted elsewhere: in the log and in Odoo.

create table kki.audit_chain (
  seq bigint constraint audit_chain_pkey primary key constraint audit_chain_seq_positive check (seq > 0),
  -- No foreign key: the link outlives an event that somebody took out, and tells of it.
  event_id bigint not null constraint audit_chain_event_id_key unique,
  event_hash bytea not null constraint audit_chain_event_hash_length check (octet_length(event_hash) = 32),
  hash bytea not null constraint audit_chain_hash_length check (octet_length(hash) = 32)
);

create trigger audit_chain_append_only before update or delete on kki.audit_chain
  for each row execute function kki.refuse_change();
create trigger audit_chain_no_truncate before truncate on kki.audit_chain
  for each statement execute function kki.refuse_change();

-- Committed events that wait for their link: ids are given before the commit, so their order is not that of the chain.
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

insert into kki.audit_unchained (event_id) select id from kki.audit_event;

-- What the last verification found: one line.
create table kki.audit_check (
  is_last boolean constraint audit_check_pkey primary key default true constraint audit_check_is_last check (is_last),
  checked_at timestamptz not null default now(),
  events bigint not null,
  findings bigint not null
);
