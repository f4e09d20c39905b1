/** Only one process at a time changes the schema or its grants; the lock ends with its transaction. */
export const migrationLock = `select pg_advisory_xact_lock(hashtextextended('sdmk migrate', 0))`
