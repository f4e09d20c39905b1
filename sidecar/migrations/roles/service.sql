-- The grants of the running service's login; complete, since all earlier grants are revoked first. Run by "sdmk migrate
-- --grant-to <role>" after every migration, or with psql -v service=<role>. The service has no access to a table that is
-- not named here. Grant a new table only the rights that the service uses.

revoke all on all tables in schema sdmk, kki, pgboss from :"service";
revoke all on all sequences in schema sdmk, kki, pgboss from :"service";
revoke all on schema sdmk, kki, pgboss from :"service";

grant usage on schema sdmk, kki, pgboss to :"service";
grant usage on all sequences in schema sdmk to :"service";

grant select, insert, update on sdmk.profession to :"service";
grant select, insert, update, delete on sdmk.str_number, sdmk.health_worker, sdmk.registration to :"service";
-- It reads which digest key is in force, and stores its own for a new registry. A rotation needs the login that migrates.
grant select, insert (fingerprint) on sdmk.digest_key to :"service";
-- NIKs that were taken from a person are kept; the service never opens one again.
grant select (health_worker_id, nik_digest, replaced_at), insert, delete on sdmk.former_nik to :"service";

grant select on kki.schema_version to :"service";
grant select, insert, update on kki.setting, kki.run, kki.batch, kki.refetch, kki.decision, kki.retry_item to :"service";
grant select, insert, update on kki.rejection, kki.rejection_occurrence to :"service";
grant select, insert, update, delete on kki.watermark, kki.not_listed, kki.shown to :"service";
grant select, insert on kki.change to :"service";
grant select, insert, update, delete, truncate
  on kki.staged_page, kki.staged_row, kki.staged_unchanged, kki.staged_rejection, kki.plan_row to :"service";
select kki.inherit_grants(i.inhrelid::regclass)
from pg_inherits i join pg_class c on c.oid = i.inhrelid
where c.relnamespace = 'kki'::regnamespace and c.relkind = 'r';
-- It adds to the audit and reads it, but cannot change it, nor choose the number and time of an event.
grant select, insert (action, actor, api_key_id, run_id, batch_id, request_id, trace_id, detail)
  on kki.audit_event to :"service";
grant select, insert on kki.audit_chain to :"service";
grant select, insert, delete on kki.audit_unchained to :"service";
-- It adds disclosures; a function deletes those past their retention.
grant select, insert (channel, actor, role, api_key_id, reason, batch_id, request_id, answers, people, rejections, unnamed)
  on kki.disclosure to :"service";
grant select, insert, update on kki.audit_check to :"service";
-- It checks keys and records their use; creating and revoking them needs the login that migrates.
grant select, update (last_used_at) on kki.api_key to :"service";
-- It remembers which signed requests it has carried out, and forgets them.
grant select, insert, delete on kki.signed_request to :"service";

grant execute on function kki.open_staging(bigint), kki.index_staging(bigint), kki.drop_staging(bigint),
  kki.renew_statistics(regclass[]), kki.forget_disclosures(bigint), sdmk.erase_person(bigint, boolean)
  to :"service";

-- pg-boss uses all of its tables; it creates none, since "sdmk migrate" does.
grant select, insert, update, delete on all tables in schema pgboss to :"service";
