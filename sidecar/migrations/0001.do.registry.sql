-- The registry of health workers: people and the registrations (STR) they hold.
-- Text that serves as a key is collate "C": compared by bytes, the same on every server.

create schema if not exists sdmk;

-- Rows that Odoo mirrors carry a version from here, taken under the row's lock: a higher one is always newer.
create sequence sdmk.version_seq;

create table sdmk.profession (
  code text collate "C" constraint profession_pkey primary key,
  name_en text not null,
  name_id text not null,
  profession_group text not null
);

-- Every STR that was ever taken in. A new one is inserted here first, so that two batches that meet the same new STR
-- under different professions cannot both believe that nobody holds it.
create table sdmk.str_number (
  str_number text collate "C" constraint str_number_pkey primary key
);

create table sdmk.health_worker (
  id bigint generated always as identity constraint health_worker_pkey primary key,
  nik_digest bytea,
  nik_sealed bytea,
  nik_tail text,
  name text not null,
  title_prefix text,
  title_suffix text,
  name_key text collate "C" not null,
  birth_place text,
  birth_place_key text collate "C",
  birth_date date,
  sex text,
  -- The stamp of the value beside it: KKI's diubah_pada, or infinity where SDMK set it, which nothing of KKI replaces.
  nik_at timestamptz,
  name_at timestamptz not null,
  birth_place_at timestamptz,
  birth_date_at timestamptz,
  sex_at timestamptz,
  version bigint not null default nextval('sdmk.version_seq'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint health_worker_nik_digest_length check (octet_length(nik_digest) = 32),
  constraint health_worker_nik_together check ((nik_digest is null) = (nik_sealed is null) and (nik_digest is null) = (nik_tail is null)),
  constraint health_worker_nik_tail_digits check (nik_tail ~ '^[0-9]{2}$'),
  constraint health_worker_name_present check (name <> '' and name_key <> ''),
  constraint health_worker_sex_known check (sex in ('male', 'female'))
);

create unique index health_worker_nik_digest_uniq on sdmk.health_worker (nik_digest);
create index health_worker_name_key_idx on sdmk.health_worker (name_key, birth_date);
-- People without a NIK are few; every new person with one is compared with them by name, so they have their own index.
create index health_worker_name_key_without_nik_idx on sdmk.health_worker (name_key, birth_date) where nik_digest is null;

create table sdmk.registration (
  id bigint generated always as identity constraint registration_pkey primary key,
  health_worker_id bigint not null constraint registration_health_worker_fkey references sdmk.health_worker (id),
  str_number text collate "C" not null,
  str_raw text not null,
  str_format text not null,
  -- Not a foreign key to sdmk.profession: its row lock would be shared by every batch at once. The mapping is the gate.
  profession text collate "C" not null,
  competence text,
  status text not null,
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
  version bigint not null default nextval('sdmk.version_seq'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint registration_str_format_known check (str_format in ('kki_2004', 'lifetime', 'unknown')),
  constraint registration_status_known check (status in ('active', 'suspended', 'inactive', 'revoked', 'expired', 'deceased', 'replaced', 'unknown')),
  constraint registration_content_hash_length check (octet_length(content_hash) = 16)
);

create unique index registration_str_number_profession_uniq on sdmk.registration (str_number, profession);
create index registration_health_worker_id_idx on sdmk.registration (health_worker_id);

-- The words of the matching table (docs/architecture.md): agree needs both present and equal, differ both present and
-- unequal; a missing value does neither.

-- Equal keys, or one holds all tokens of the other and they share at least two. Keys hold unique, sorted tokens.
create function sdmk.names_compatible(a text, b text) returns boolean
  language sql immutable parallel safe
  return a = b or (
    least(cardinality(string_to_array(a, ' ')), cardinality(string_to_array(b, ' '))) >= 2
    and (string_to_array(a, ' ') <@ string_to_array(b, ' ') or string_to_array(b, ' ') <@ string_to_array(a, ' '))
  );

create function sdmk.same_person(
  nik_a bytea, name_a text, birth_date_a date, nik_b bytea, name_b text, birth_date_b date
) returns boolean
  language sql immutable parallel safe
  return case
    when nik_a = nik_b then sdmk.names_compatible(name_a, name_b) or coalesce(birth_date_a = birth_date_b, false)
    when nik_a is null or nik_b is null then
      (name_a = name_b and not coalesce(birth_date_a <> birth_date_b, false))
      or (sdmk.names_compatible(name_a, name_b) and coalesce(birth_date_a = birth_date_b, false))
    else false
  end;

-- '+nik +name -birth_date': what a match agreed and differed on, in a fixed order.
create function sdmk.match_evidence(
  nik_a bytea, name_a text, birth_date_a date, birth_place_a text,
  nik_b bytea, name_b text, birth_date_b date, birth_place_b text
) returns text
  language sql immutable parallel safe
  return concat_ws(' ',
    case when nik_a = nik_b then '+nik' when nik_a <> nik_b then '-nik' end,
    case when name_a = name_b then '+name' when sdmk.names_compatible(name_a, name_b) then '~name' else '-name' end,
    case when birth_date_a = birth_date_b then '+birth_date' when birth_date_a <> birth_date_b then '-birth_date' end,
    case when birth_place_a = birth_place_b then '+birth_place' when birth_place_a <> birth_place_b then '-birth_place' end
  );
