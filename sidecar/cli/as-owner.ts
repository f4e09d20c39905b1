import pg from 'pg'
import type { Logger } from 'pino'
import { ConfigurationError } from '../errors.ts'
import { createDatabase, type Database, type DatabaseOptions } from '../platform/database.ts'
import { assertMigrated } from '../platform/migrations.ts'

/** Returns what `work` returns, with the login that owns the schema: the service's login has fewer rights. */
export async function withOwner<T>(
  ownerUrl: string,
  logger: Logger,
  work: (database: Database) => Promise<T>,
  options: Pick<DatabaseOptions, 'onConnect'> = {}
): Promise<T> {
  const database = createDatabase({ ...options, url: ownerUrl, maxConnections: 2 }, logger)
  try {
    await assertMigrated(database.pool)
    return await work(database)
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError && cause.code === insufficientPrivilege)) throw cause
    const reason = 'this login lacks the right; use the login that runs migrations (docs/operate/database.md)'
    throw new ConfigurationError('SDMK_DATABASE_URL', reason, { cause })
  } finally {
    await database.pool.end()
  }
}

/**
 * Returns what `work` returns, committed, with the login that owns the schema: the service's login cannot create API
 * keys.
 */
export async function asOwner<T>(
  ownerUrl: string,
  logger: Logger,
  work: (client: pg.ClientBase) => Promise<T>
): Promise<T> {
  return withOwner(ownerUrl, logger, database => database.withTransaction(work))
}

const insufficientPrivilege = '42501'
