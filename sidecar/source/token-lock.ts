import type { Database } from '../platform/database.ts'

/** A renewal under the lock takes seconds; if a machine with the lock vanishes, the lock is released after this time. */
const longestRenewal = '5min'
const longestWait = '6min'

/**
 * Returns what `work` returns, under an exclusive lock: only one process on this database runs it at a time. Fails with the
 * database's error if it is unavailable, or if another process holds the lock too long.
 */
export function withTokenLock<T>(database: Pick<Database, 'withTransaction'>, work: () => Promise<T>): Promise<T> {
  return database.withTransaction(async client => {
    await client.query(
      `set local lock_timeout = '${longestWait}'; set local idle_in_transaction_session_timeout = '${longestRenewal}'`
    )
    await client.query("select pg_advisory_xact_lock(hashtextextended('sdmk kki token', 0))")
    return work()
  })
}
