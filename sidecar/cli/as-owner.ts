import type pg from 'pg'
import type { Logger } from 'pino'
import { createDatabase } from '../platform/database.ts'
import { assertMigrated } from '../platform/migrations.ts'

/** Returns what `work` returns, committed, with the login that owns the schema: the service's own can make no API keys. */
export async function asOwner<T>(
  ownerUrl: string,
  logger: Logger,
  work: (client: pg.PoolClient) => Promise<T>
): Promise<T> {
  const database = createDatabase({ url: ownerUrl, maxConnections: 1 }, logger)
  try {
    await assertMigrated(database.pool)
    return await database.withTransaction(work)
  } finally {
    await database.pool.end()
  }
}
