-- Data protection (docs/explain/privacy.md): disclosures of personal data, and the erasure of a person.

-- Recipients of personal data: one row for each answer of the API, call of Odoo or report, or for several equal
-- ones that were written at once. It refers to people by id only.
create table kki.disclosure (
  id bigint generated always as identity constraint disclosure_pkey primary key,
  at timestamptz not null default clock_timestamp(),
  -- The route with its method, `odoo`, or the command. sidecar/audit/disclosure-channels.ts lists the fields that each shows.
  channel text collate "C" not null,
  -- The operator's login, the name of the key, or the part of the sidecar.
  actor text not null,
  role text,
  api_key_id bigint,
  reason text,
  -- The batch whose rows were shown. Some of the rows may not be tied to a person yet.
  batch_id bigint,
  -- The request of the first answer.
  request_id text not null,
  answers int not null,
  people int8multirange not null,
  rejections int8multirange not null,
  -- People who were shown and have no id yet, because a plan would create them.
  unnamed int not null,
  constraint disclosure_tells_something check (not isempty(people) or not isempty(rejections) or unnamed > 0)
);

create index disclosure_key_idx on kki.disclosure (api_key_id, at);
create index disclosure_at_idx on kki.disclosure (at);

-- A writer shares this lock before a row gets its id. A process that holds it exclusively therefore knows that every row
-- with a smaller id is committed.
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

-- Deletes rows past their retention and returns their number. The service may delete no other row.
create function kki.forget_disclosures(last_id bigint) returns bigint
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with gone as (
    delete from kki.disclosure where id <= last_id and at <= now() - interval '30 days' returning 1
  )
  select count(*) from gone;
$$;

-- No row of KKI, no import, no edit and no undo of an earlier batch brings an erased value back.
create function sdmk.keep_person_erased() returns trigger
  language plpgsql as $$
begin
  new.nik_digest := null; new.nik_sealed := null;
  new.name := old.name; new.name_key := old.name_key; new.title_prefix := null; new.title_suffix := null;
  new.birth_place := null; new.birth_place_key := null; new.birth_date := null; new.sex := null;
  new.nik_at := old.nik_at; new.name_at := old.name_at; new.birth_place_at := old.birth_place_at;
  new.birth_date_at := old.birth_date_at; new.sex_at := old.sex_at;
  new.erased_at := old.erased_at;
  return new;
end
$$;

create trigger health_worker_stays_erased before update on sdmk.health_worker
  for each row when (old.erased_at is not null) execute function sdmk.keep_person_erased();

create function sdmk.keep_registration_erased() returns trigger
  language plpgsql as $$
begin
  -- A decision gives the licence to another person: from now on the row holds their data.
  if new.health_worker_id <> old.health_worker_id then
    new.erased_at := null;
    return new;
  end if;
  new.str_raw := old.str_raw; new.institution := null; new.graduation_year := null; new.province := null;
  -- The content hash of a row has no key: somebody who guesses name and NIK could test the guess with it.
  new.content_hash := old.content_hash;
  new.erased_at := old.erased_at;
  return new;
end
$$;

create trigger registration_stays_erased before update on sdmk.registration
  for each row when (old.erased_at is not null) execute function sdmk.keep_registration_erased();

-- Erases the former values of a person, and with `everything` the present ones too. Returns the rejections that it changed.
-- The caller checks that it is allowed, and audits it. The change records that it adds prevent the
-- undo of an earlier batch from deleting the remaining rows.
create function sdmk.erase_person(person bigint, everything boolean) returns bigint[]
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  digests bytea[];
  strs text[];
  licences bigint[];
  touched bigint[];
begin
  perform from sdmk.health_worker where id = person for update;
  select array_agg(d.digest) into digests from (
    select nik_digest as digest from sdmk.health_worker where id = person and nik_digest is not null
    union select nik_digest from sdmk.former_nik where health_worker_id = person
  ) d;
  select array_agg(id), array_agg(distinct str_number) into licences, strs
  from sdmk.registration where health_worker_id = person;

  delete from sdmk.former_nik where health_worker_id = person;
  update kki.change set health_worker_before = null where health_worker_id = person and health_worker_before is not null;

  with scrubbed as (
    update kki.rejection_occurrence o
    set raw_sealed = null, nik_digest = null, name_key = null, content_digest = null
    from kki.rejection r
    where r.id = o.rejection_id and (everything or r.state <> 'open')
      and (o.nik_digest = any (digests)
        or (o.nik_digest is null and r.str_number = any (strs) and (r.candidates is null or person = any (r.candidates))))
    returning o.rejection_id
  )
  select coalesce(array_agg(distinct rejection_id), '{}') into touched from scrubbed;
  -- Nobody can decide about a row that is no longer stored.
  update kki.rejection r
  set state = 'dismissed', decided_at = now(), decided_by = 'erasure', version = nextval('sdmk.version_seq')
  where r.id = any (touched) and r.state = 'open'
    and not exists (
      select from kki.rejection_occurrence o where o.rejection_id = r.id and o.raw_sealed is not null
        and o.settled_by_batch_id is null
    );
  update kki.decision
  set nik_digest = null, name_key = null, withdrawn_at = coalesce(withdrawn_at, now())
  where (health_worker_id = person or nik_digest = any (digests)) and (everything or withdrawn_at is not null);

  if everything then
    update kki.change
    set registration_before = registration_before
      - array['str_raw', 'institution', 'graduation_year', 'province', 'content_hash']
    where registration_id = any (licences) and registration_before is not null;
    update sdmk.registration
    set str_raw = str_number, institution = null, graduation_year = null, province = null,
      content_hash = decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), erased_at = now(),
      version = nextval('sdmk.version_seq'), updated_at = now()
    where id = any (licences);
    update sdmk.health_worker
    set name = 'Data dihapus', name_key = '#' || person, title_prefix = null, title_suffix = null, nik_digest = null,
      nik_sealed = null, birth_place = null, birth_place_key = null, birth_date = null, sex = null,
      nik_at = 'infinity', name_at = 'infinity', birth_place_at = 'infinity', birth_date_at = 'infinity',
      sex_at = 'infinity', erased_at = now(), version = nextval('sdmk.version_seq'), updated_at = now()
    where id = person;
    insert into kki.change (operation, health_worker_id, registration_id)
    select 'edited', person, id from unnest(licences) id union all select 'edited', person, null;
  end if;
  return touched;
end
$$;

revoke execute on function kki.forget_disclosures(bigint), sdmk.erase_person(bigint, boolean) from public;
