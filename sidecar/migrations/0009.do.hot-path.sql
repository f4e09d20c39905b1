-- Statistics of few rows do: the planner must only tell none from many, and ten times as many take ten times as long.
alter function kki.renew_statistics(regclass[]) set default_statistics_target = 10;
-- What is sealed cannot be compressed; to try costs as much as to store it.
alter table kki.staged_page alter column body_sealed set storage external;
alter table kki.staged_rejection alter column raw_sealed set storage external;
alter table kki.rejection_occurrence alter column raw_sealed set storage external;

-- Rows that say what SDMK holds already, word for word, and of whom nothing has to be decided: of a full run nearly all.
create table kki.staged_known (
  batch_id bigint not null,
  row_no bigint not null,
  page int not null,
  page_row int not null,
  -- As it was when the row came: where it has moved since, the plan looks at the row after all.
  registration_id bigint not null,
  registration_version bigint not null
) partition by list (batch_id);

create or replace function kki.open_staging(batch bigint) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  parent text;
  part text;
begin
  foreach parent in array array['staged_page', 'staged_row', 'staged_known', 'staged_rejection', 'plan_row'] loop
    part := parent || '_' || batch;
    if to_regclass(format('kki.%I', part)) is null then
      execute format('create table kki.%I (like kki.%I including all)', part, parent);
      execute format('alter table kki.%I attach partition kki.%I for values in (%s)', parent, part, batch);
      perform kki.inherit_grants(format('kki.%I', part)::regclass);
    else
      execute format('truncate kki.%I', part);
    end if;
  end loop;
end
$$;

create or replace function kki.drop_staging(batch bigint) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  parent text;
begin
  foreach parent in array array['staged_page', 'staged_row', 'staged_known', 'staged_rejection', 'plan_row'] loop
    execute format('drop table if exists kki.%I', parent || '_' || batch);
  end loop;
end
$$;

-- Batches that were staged before.
do $$
declare
  batch text;
begin
  for batch in select substr(c.relname, 12) from pg_class c join pg_inherits i on i.inhrelid = c.oid
    where i.inhparent = 'kki.staged_row'::regclass loop
    execute format('create table kki.%I (like kki.staged_known including all)', 'staged_known_' || batch);
    execute format('alter table kki.staged_known attach partition kki.%I for values in (%s)', 'staged_known_' || batch, batch);
  end loop;
end
$$;
