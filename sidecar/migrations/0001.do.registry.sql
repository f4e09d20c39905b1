-- The registry of health workers: people, and the registrations (STR) that they hold.
--
-- Text that serves as a key is collate "C": it is compared by bytes, the same on every server.

create schema if not exists sdmk;

-- Every row that Odoo mirrors carries a version from here. It is taken under the row's lock, so a higher one is newer.
create sequence sdmk.version_seq;

create table sdmk.profession (
  code text collate "C" constraint profession_pkey primary key,
  name_en text not null,
  name_id text not null,
  profession_group text not null
);

-- The meanings of licence statuses. PostgreSQL inlines such a function: it costs nothing per row, and a query that
-- calls it can
-- use a partial index.

-- The licence is no longer active. sidecar/registration-terms.ts has the same set; a test compares the two.
create function sdmk.is_deactivated(status text) returns boolean
  language sql immutable parallel safe
  return status in ('suspended', 'inactive', 'revoked', 'expired', 'deceased');

-- Only KKI reports this deactivation, so a row that states it must not be lost. An expiry also follows from the calendar.
create function sdmk.is_urgent(status text) returns boolean
  language sql immutable parallel safe
  return sdmk.is_deactivated(status) and status <> 'expired';

-- If two statements about one licence have the same stamp, the higher rank counts: a deactivation before others, the
-- graver one first.
create function sdmk.status_rank(status text) returns int
  language sql immutable parallel safe
  return coalesce(
    array_position(array['active', 'expired', 'suspended', 'inactive', 'revoked', 'deceased'], status), 0
  );

-- True if a statement about a licence counts for less than the stored one: it is older, or has the same stamp and a lower
-- rank. If the statuses of KKI are equal too, it is the stored statement itself, read with another mapping. A statement of
-- SDMK itself has the stamp infinity, so the later one counts.
create function sdmk.is_overruled(
  at timestamptz, status text, word text, stored_at timestamptz, stored_status text, stored_word text
) returns boolean
  language sql immutable parallel safe
  return at < stored_at or (
    at = stored_at and isfinite(at) and word is distinct from stored_word
    and sdmk.status_rank(status) < sdmk.status_rank(stored_status)
  );

create table sdmk.health_worker (
  id bigint generated always as identity constraint health_worker_pkey primary key,
  nik_digest bytea,
  nik_sealed bytea,
  name text not null,
  title_prefix text,
  title_suffix text,
  name_key text collate "C" not null,
  birth_place text,
  birth_place_key text collate "C",
  birth_date date,
  sex text,
  -- Each is the stamp of one value: KKI's diubah_pada, or infinity if SDMK set the value. KKI never replaces the latter.
  nik_at timestamptz,
  name_at timestamptz not null,
  birth_place_at timestamptz,
  birth_date_at timestamptz,
  sex_at timestamptz,
  -- docs/explain/privacy.md: a restricted person is stored and shown to nobody; an erased one keeps only the licence history.
  restricted_at timestamptz,
  erased_at timestamptz,
  version bigint not null default nextval('sdmk.version_seq'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint health_worker_nik_digest_length check (octet_length(nik_digest) = 32),
  constraint health_worker_nik_together check ((nik_digest is null) = (nik_sealed is null)),
  constraint health_worker_name_present check (name <> '' and name_key <> ''),
  constraint health_worker_sex_known check (sex in ('male', 'female'))
)
-- Between two full runs at most a tenth of the people changes. An update that finds no room in its page goes to another page
-- and needs a new entry in every index.
with (fillfactor = 90);

create unique index health_worker_nik_digest_uniq on sdmk.health_worker (nik_digest);
-- The matching rules look for people by name and date, by name and place, and by date and place.
create index health_worker_name_key_idx on sdmk.health_worker (name_key, birth_date);
create index health_worker_birth_idx on sdmk.health_worker (birth_date, birth_place_key);
-- Few people lack a NIK. Every new person who has one is compared with them, so they have separate indexes.
create index health_worker_name_key_without_nik_idx on sdmk.health_worker (name_key, birth_date) where nik_digest is null;
create index health_worker_birth_without_nik_idx on sdmk.health_worker (birth_date, birth_place_key) where nik_digest is null;
-- Restricted people are few. Odoo's mirror leaves out their registrations.
create index health_worker_restricted_idx on sdmk.health_worker (id) where restricted_at is not null;

-- NIKs that a decision took from a person. They never match.
create table sdmk.former_nik (
  health_worker_id bigint not null constraint former_nik_health_worker_fkey references sdmk.health_worker (id) on delete cascade,
  nik_digest bytea not null,
  nik_sealed bytea not null,
  replaced_at timestamptz not null default now(),
  constraint former_nik_pkey primary key (health_worker_id, nik_digest),
  constraint former_nik_digest_length check (octet_length(nik_digest) = 32)
);

-- Every STR that was ever stored. A batch inserts a new one here first. Two batches with the same new STR under
-- different professions therefore cannot both conclude that nobody holds it.
create table sdmk.str_number (
  str_number text collate "C" constraint str_number_pkey primary key
);

create table sdmk.registration (
  id bigint generated always as identity constraint registration_pkey primary key,
  health_worker_id bigint not null constraint registration_health_worker_fkey references sdmk.health_worker (id),
  str_number text collate "C" not null,
  str_raw text not null,
  str_format text not null,
  -- No foreign key to sdmk.profession: all batches would share its row lock. The mapping checks the code.
  profession text collate "C" not null,
  competence text,
  -- Derived from stated_status, the calendar, the person's other licences and their death. It therefore does not depend on
  -- the order of the rows.
  status text not null,
  -- The status that KKI states for this licence alone, and KKI's word for it.
  stated_status text not null,
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
  -- How the row was tied to its person: the rule of the matching table, then what agreed (+) and what differed (-).
  match_reason text not null,
  replaced_by bigint constraint registration_replaced_by_fkey references sdmk.registration (id),
  erased_at timestamptz,
  version bigint not null default nextval('sdmk.version_seq'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint registration_str_format_known check (str_format in ('kki_2004', 'lifetime', 'unknown')),
  constraint registration_status_known
    check (status in ('active', 'suspended', 'inactive', 'revoked', 'expired', 'deceased', 'replaced', 'unknown')),
  constraint registration_stated_status_known
    check (stated_status in ('active', 'suspended', 'inactive', 'revoked', 'expired', 'deceased', 'unknown')),
  constraint registration_content_hash_length check (octet_length(content_hash) = 16)
)
-- For the same reason as in sdmk.health_worker.
with (fillfactor = 90);

create unique index registration_str_number_profession_uniq on sdmk.registration (str_number, profession);
create index registration_health_worker_id_idx on sdmk.registration (health_worker_id);
-- The daily expiry.
create index registration_active_until_idx on sdmk.registration (valid_until) where status = 'active';
-- An undo that deletes a licence looks for the licences that it replaced.
create index registration_replaced_by_idx on sdmk.registration (replaced_by) where replaced_by is not null;
create index registration_erased_idx on sdmk.registration (str_number) where erased_at is not null;

-- The key that digests the NIKs and rows of this database.
create table sdmk.digest_key (
  is_only boolean constraint digest_key_pkey primary key default true constraint digest_key_is_only check (is_only),
  -- HMAC of a fixed text. It distinguishes the key from others and reveals nothing else about it.
  fingerprint bytea not null constraint digest_key_fingerprint_length check (octet_length(fingerprint) = 32),
  since timestamptz not null default now()
);
