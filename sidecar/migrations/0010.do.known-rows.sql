-- How KKI told of the registrations that are as it said: a row that comes again byte for byte needs not even be read. Who
-- loses it loses time and nothing else. The digest is keyed, as that of a NIK is.
create table kki.known_input (
  digest uuid constraint known_input_pkey primary key,
  registration_id bigint not null,
  -- Where the registration has moved since, the row is looked at again.
  registration_version bigint not null,
  batch_id bigint not null
);

-- Null in rows with a warning or a problem, which are read each time, and in those that no walk of KKI's list brought.
alter table kki.staged_row add column input_digest uuid;

-- What waits of an STR or a NIK is found without reading all that waits.
create index rejection_open_subject_idx on kki.rejection (subject) where state = 'open';
create index rejection_occurrence_waiting_nik_idx on kki.rejection_occurrence (nik_digest)
  where settled_by_batch_id is null and nik_digest is not null;
-- Each licence that is taken back is looked for among those that were replaced.
create index registration_replaced_by_idx on sdmk.registration (replaced_by) where replaced_by is not null;
