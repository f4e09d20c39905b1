-- When a key was last used, to the minute: one that nobody uses is one to revoke.
alter table kki.api_key add column last_used_at timestamptz;
