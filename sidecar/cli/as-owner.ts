import pg from 'pg'
import type { Logger } from 'pino'
import { ConfigurationError } from '../errors.ts'
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
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError && cause.code === insufficientPrivilege)) throw cause
    const reason = 'this login may not do that; use the one that migrates (docs/database.md)'
    throw new ConfigurationError('SDMK_DATABASE_URL', reason, { cause })
  } finally {
    await database.pool.end()
  }
}

const insufficientPrivilege = '42501'
