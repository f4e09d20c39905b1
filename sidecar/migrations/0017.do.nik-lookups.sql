-- How often a key looked NIKs up within the last hour is counted before each lookup.
create index audit_event_nik_lookup_idx on kki.audit_event (api_key_id, at) where action = 'nik.looked_up';
