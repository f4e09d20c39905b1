-- Staging: the rows of a batch between fetch and apply. Each batch has a partition of every table here, in its own schema,
-- which is dropped after the batch has ended. The tables are logged, so that a crash loses no page.

create table kki.staged_page (
  batch_id bigint not null,
  page int not null,
  -- The page as KKI sent it, compressed and sealed, if one of its rows is staged: a row that the plan rejects is stored
  -- unchanged.
  body_sealed bytea not null,
  constraint staged_page_pkey primary key (batch_id, page)
) partition by list (batch_id);

create table kki.staged_row (
  batch_id bigint not null,
  row_no bigint not null,
  page int not null,
  page_row int not null,
  -- A row of an import (sdmk import) may lack an STR; STR, profession and KKI's status are then null.
  str_number text collate "C",
  str_raw text,
  str_format text,
  -- The id of the person that this row creates, if it creates one. The NIK is sealed for that id when the row is staged, and
  -- is stored unchanged. Null if the row has no NIK.
  new_health_worker_id bigint,
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
  -- The stamp of the person's fields: infinity in an import, since they are SDMK's own. Null: the row's own stamp.
  person_at timestamptz,
  profession text collate "C",
  competence text,
  status text not null,
  source_status text,
  issued_on date,
  valid_until date,
  is_lifetime boolean not null,
  institution text,
  graduation_year int,
  province text,
  source_at timestamptz not null,
  content_hash bytea not null,
  warnings text[],
  -- Only the deactivation in this row may be used: its other fields have the problems listed.
  deactivation_only boolean not null,
  problems jsonb
) partition by list (batch_id);

-- Rows whose content SDMK already holds, and that need no decision: nearly all rows of a full run. They are stored as one
-- record per page, since single rows would take as long as all other rows of the batch.
create table kki.staged_unchanged (
  batch_id bigint not null,
  page int not null,
  -- One id for each row; a registration that the page lists twice has two.
  registration_ids bigint[] not null,
  -- The warning codes of all rows, for counting.
  warnings text[] not null
) partition by list (batch_id);

create table kki.staged_rejection (
  batch_id bigint not null,
  row_no bigint not null,
  page int not null,
  page_row int not null,
  subject text collate "C" not null,
  str_number text collate "C",
  profession text collate "C",
  nik_digest bytea,
  name_key text collate "C",
  source_at timestamptz,
  problems jsonb not null,
  urgent boolean not null,
  -- The plan rejected the row, and not its content alone. Every plan writes these rows again.
  by_plan boolean not null,
  rule smallint,
  evidence text,
  candidates bigint[],
  raw_sealed bytea not null,
  -- Keyed digest of the original row: a dismissed rejection stays dismissed while the digest is the same.
  content_digest bytea
) partition by list (batch_id);

-- The plan's decision about each row that is not simply unchanged.
create table kki.plan_row (
  batch_id bigint not null,
  row_no bigint not null,
  outcome text not null,
  rule smallint,
  evidence text,
  -- The plan already assigns the id of a person that it creates, so that other rows of the batch can refer to it.
  health_worker_id bigint,
  health_worker_version bigint,
  registration_id bigint,
  registration_version bigint,
  status text,
  -- Nobody held the STR when the plan was made. If somebody holds it at the apply, the plan is outdated.
  str_is_new boolean not null default false,
  -- Only status, end date and stamp of the row may be used.
  deactivation_only boolean not null default false,
  problems jsonb,
  candidates bigint[],
  urgent boolean not null default false,
  warnings text[],
  -- Its place in the list of changes, the most harmful ones first; decided for a batch on hold, whose list people read.
  rank smallint not null default 2,
  constraint plan_row_outcome_known check (outcome in ('created', 'linked', 'updated', 'unchanged', 'superseded', 'rejected'))
) partition by list (batch_id);

-- Sealed values cannot be compressed, and these arrays hardly: the attempt takes as long as storing them.
alter table kki.staged_page alter column body_sealed set storage external;
alter table kki.staged_rejection alter column raw_sealed set storage external;
alter table kki.staged_unchanged alter column registration_ids set storage external;

-- The login of the service does not own the tables. These functions perform single actions of the owner for it, and nothing
-- else. They run as the login that migrates; roles/service.sql grants them.

-- Gives a partition the grants of its parent, because statements name the partition itself.
create function kki.inherit_grants(part regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  granted record;
begin
  for granted in
    select string_agg(a.privilege_type, ', ') as privileges, a.grantee::regrole as grantee, p.relnamespace::regnamespace as schema
    from pg_inherits i join pg_class c on c.oid = i.inhparent join pg_class p on p.oid = i.inhrelid, aclexplode(c.relacl) a
    where i.inhrelid = part and a.grantee not in (0, c.relowner)
    group by a.grantee, p.relnamespace
  loop
    execute format('grant %s on %s to %s', granted.privileges, part, granted.grantee);
    execute format('grant usage on schema %s to %s', granted.schema, granted.grantee);
  end loop;
end
$$;

-- Creates the partitions of a batch, or empties them. They are in a separate schema under the names of their parents, so
-- that a statement finds them by search_path. Attaching takes a weak lock on the parents, so other batches continue.
create function kki.open_staging(batch bigint) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  own constant text := 'batch_' || batch;
  parent text;
  part text;
begin
  if to_regnamespace(own) is null then execute format('create schema %I', own); end if;
  foreach parent in array array['staged_page', 'staged_row', 'staged_unchanged', 'staged_rejection', 'plan_row'] loop
    part := format('%I.%I', own, parent);
    if to_regclass(part) is null then
      execute format('create table %s (like kki.%I including all)', part, parent);
      execute format('alter table %s alter column batch_id set default %s', part, batch);
      execute format('alter table kki.%I attach partition %s for values in (%s)', parent, part, batch);
      perform kki.inherit_grants(part::regclass);
    else
      execute format('truncate %s', part);
    end if;
  end loop;
end
$$;

-- Indexes the rows of a batch on hold in the order in which people read them, page by page. Other batches need no order.
create function kki.index_staging(batch bigint) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  own constant text := 'batch_' || batch;
begin
  execute format('create index if not exists plan_row_rank_idx on %I.plan_row (rank, row_no)', own);
  execute format('create index if not exists staged_row_row_no_idx on %I.staged_row (row_no)', own);
  execute format('create index if not exists staged_rejection_row_no_idx on %I.staged_rejection (row_no)', own);
end
$$;

-- Drops the partitions of a batch. It needs an exclusive lock on the parents for a moment, so callers set lock_timeout.
create function kki.drop_staging(batch bigint) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  own constant text := 'batch_' || batch;
  parent text;
begin
  foreach parent in array array['staged_page', 'staged_row', 'staged_unchanged', 'staged_rejection', 'plan_row'] loop
    execute format('drop table if exists %I.%I', own, parent);
  end loop;
  execute format('drop schema if exists %I', own);
end
$$;

-- Updates the planner's statistics of tables in our schemas; other tables are ignored. Statistics of few rows are enough,
-- because the planner only has to distinguish an empty table from a large one; ten times as many rows take ten times as
-- long. Joins use few columns of staged rows; the others would take most of the time.
create function kki.renew_statistics(variadic tables regclass[]) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp set default_statistics_target = 10 as $$
declare
  ours regclass;
begin
  for ours in
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = any (tables) and (n.nspname in ('sdmk', 'kki') or n.nspname ~ '^batch_[0-9]+$')
  loop
    execute format('analyze %s%s', ours, case
      when exists (select from pg_inherits where inhrelid = ours and inhparent = 'kki.staged_row'::regclass)
        then ' (batch_id, row_no, str_number, profession, content_hash, nik_digest)'
    end);
  end loop;
end
$$;

revoke execute on function
  kki.inherit_grants(regclass), kki.open_staging(bigint), kki.index_staging(bigint), kki.drop_staging(bigint),
  kki.renew_statistics(regclass[])
  from public;
