/** Of all processes that change the schema or its grants, one at a time does: until the end of its transaction. */
export const migrationLock = `select pg_advisory_xact_lock(hashtextextended('sdmk migrate', 0))`
