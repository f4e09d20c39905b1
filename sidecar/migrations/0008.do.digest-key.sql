-- Which key the NIKs and rows of this database are digested with, and what its switch to another one needs.

create table sdmk.digest_key (
  is_only boolean constraint digest_key_pkey primary key default true constraint digest_key_is_only check (is_only),
  -- HMAC of a fixed text: tells the key from others, and says nothing else of it.
  fingerprint bytea not null constraint digest_key_fingerprint_length check (octet_length(fingerprint) = 32),
  -- Of the key that sdmk.next_digest is filled for.
  next_fingerprint bytea constraint digest_key_next_fingerprint_length check (octet_length(next_fingerprint) = 32),
  since timestamptz not null default now()
);

-- What each digest is under the next key: filled ahead of the switch, and emptied after it. No NIK can be had from it without
-- a key, and the service has no access to it.
create table sdmk.next_digest (
  digest bytea constraint next_digest_pkey primary key,
  next bytea not null constraint next_digest_next_length check (octet_length(next) = 32)
);

-- Returns the fingerprint of the key in force and keeps it in force until the caller's transaction ends. An advisory lock:
-- it writes nothing, and a backup that reads all tables does not hold a switch up.
create function sdmk.hold_digest_key() returns bytea
  language plpgsql as $$
declare
  found bytea;
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('sdmk digest key', 0));
  -- A statement of its own, so that it sees what was committed while this one waited.
  select fingerprint into found from sdmk.digest_key;
  return found;
end
$$;

-- Waits until nobody holds the key in force, and keeps everybody from holding it until the caller's transaction ends.
create function sdmk.lock_digest_key() returns void
  language sql
  begin atomic
    select pg_advisory_xact_lock(hashtextextended('sdmk digest key', 0));
  end;

revoke execute on function sdmk.lock_digest_key() from public;
