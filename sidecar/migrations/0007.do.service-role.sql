-- What the running service may not do itself, since its login does not own the tables: done for it by functions that do no
-- more than their name says, as whoever runs the migrations. Nobody may call them but who was granted it (roles/service.sql).

-- Gives a partition the grants of its parent, for it is written to by its own name.
create function kki.inherit_grants(part regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  granted record;
begin
  for granted in
    select a.privilege_type as privilege, a.grantee::regrole as grantee
    from pg_inherits i join pg_class c on c.oid = i.inhparent, aclexplode(c.relacl) a
    where i.inhrelid = part and a.grantee not in (0, c.relowner)
  loop
    execute format('grant %s on %s to %s', granted.privilege, part, granted.grantee);
  end loop;
end
$$;

create or replace function kki.open_staging(batch bigint) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  parent text;
  part text;
begin
  foreach parent in array array['staged_page', 'staged_row', 'staged_rejection', 'plan_row'] loop
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

alter function kki.drop_staging(bigint) security definer set search_path = pg_catalog, pg_temp;

-- Renews the planner's statistics of tables of ours; of others nothing.
create function kki.renew_statistics(variadic tables regclass[]) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  ours regclass;
begin
  for ours in
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = any (tables) and n.nspname in ('sdmk', 'kki')
  loop
    execute format('analyze %s', ours);
  end loop;
end
$$;

revoke execute on function
  kki.inherit_grants(regclass), kki.open_staging(bigint), kki.drop_staging(bigint), kki.renew_statistics(regclass[])
  from public;
