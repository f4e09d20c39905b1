import type { Database } from '../platform/database.ts'

/** A renewal under the lock takes seconds; a machine that vanished with the lock gives it back after this. */
const longestRenewal = '5min'
const longestWait = '6min'

/**
 * Returns what `work` returns; of all processes on this database one at a time works here. Ends with the database's own
 * error where that is away, or another process is not done in time.
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
