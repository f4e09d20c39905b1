-- To whom personal data was shown or sent: one row for each answer of the API, call of Odoo or report, or for several equal
-- ones that were written at once. It names people by id alone.
create table kki.disclosure (
  id bigint generated always as identity constraint disclosure_pkey primary key,
  at timestamptz not null default clock_timestamp(),
  -- The route with its method, `odoo`, or the command. The fields that it shows are in sidecar/audit/disclosure-channels.ts.
  channel text collate "C" not null,
  -- The operator's login, the name of the key, or the part of the sidecar.
  actor text not null,
  role text,
  api_key_id bigint,
  reason text,
  -- The batch whose rows were shown; some of them may belong to nobody yet.
  batch_id bigint,
  -- Of the first answer.
  request_id text not null,
  answers int not null,
  people int8multirange not null,
  rejections int8multirange not null,
  -- People who were shown and have no id yet: of a plan that would create them.
  unnamed int not null,
  constraint disclosure_tells_something check (not isempty(people) or not isempty(rejections) or unnamed > 0)
);

create index disclosure_key_idx on kki.disclosure (api_key_id, at);
create index disclosure_at_idx on kki.disclosure (at);

-- Taken before a row gets its id. Who holds the lock alone knows that every row with a smaller id is committed.
create function kki.hold_disclosures() returns trigger
  language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('sdmk disclosures', 0));
  return null;
end
$$;

create trigger disclosure_hold before insert on kki.disclosure
  for each statement execute function kki.hold_disclosures();
create trigger disclosure_no_update before update on kki.disclosure
  for each row execute function kki.refuse_change();
create trigger disclosure_no_truncate before truncate on kki.disclosure
  for each statement execute function kki.refuse_change();
create trigger disclosure_no_early_delete before delete on kki.disclosure
  for each row when (old.at > now() - interval '30 days') execute function kki.refuse_change();

-- Deletes what is past its retention; the service may delete nothing else of it.
create function kki.forget_disclosures(last_id bigint) returns bigint
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with gone as (
    delete from kki.disclosure where id <= last_id and at <= now() - interval '30 days' returning 1
  )
  select count(*) from gone;
$$;

revoke execute on function kki.forget_disclosures(bigint) from public;

-- The blocks of disclosures whose digests are in the audit chain.
create index audit_event_disclosures_idx on kki.audit_event (id) where action in ('disclosures.sealed', 'disclosures.purged');
