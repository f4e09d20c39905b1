-- Restricting and erasing the data of a person (docs/privacy.md). A restricted person is stored and shown to nobody. Of one
-- who is erased the licence history stays, under the person's number.
alter table sdmk.health_worker add column restricted_at timestamptz, add column erased_at timestamptz;
alter table sdmk.registration add column erased_at timestamptz;

-- Few; the mirror of Odoo leaves out their registrations.
create index health_worker_restricted_idx on sdmk.health_worker (id) where restricted_at is not null;
create index registration_erased_idx on sdmk.registration (str_number) where erased_at is not null;

-- Nothing brings an erased value back: no row of KKI, no import, no edit, and no undo of an earlier batch.
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
  -- A decision gives the licence to somebody else, whose data this row then is.
  if new.health_worker_id <> old.health_worker_id then
    new.erased_at := null;
    return new;
  end if;
  new.str_raw := old.str_raw; new.institution := null; new.graduation_year := null; new.province := null;
  -- The digest of a row has no key: whoever guesses name and NIK could test them with it.
  new.content_hash := old.content_hash;
  new.erased_at := old.erased_at;
  return new;
end
$$;

create trigger registration_stays_erased before update on sdmk.registration
  for each row when (old.erased_at is not null) execute function sdmk.keep_registration_erased();

-- Erases the former values of a person, and with `everything` the present ones too. Returns the rejections that it changed. The
-- caller has decided that it may be done, holds the digest key, and records it. The change records that it adds keep the
-- undo of an earlier batch from deleting what is left.
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
  delete from sdmk.next_digest where digest = any (digests);
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
  -- A row that is no longer kept cannot be decided about.
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
    delete from kki.known_input where registration_id = any (licences);
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

revoke execute on function sdmk.erase_person(bigint, boolean) from public;
