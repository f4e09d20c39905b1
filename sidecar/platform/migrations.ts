import { fileURLToPath } from 'node:url'
import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import Postgrator from 'postgrator'
import { connectToPrimary, openClient } from './connection.ts'
import { summarizeError } from './describe-error.ts'
import { MigrationFailed, SchemaBehind } from './errors.ts'
import { migrationLock } from './migration-lock.ts'
import { migrateQueue } from './queue-schema.ts'
import { grantToService } from './service-role.ts'

const ours = fileURLToPath(new URL('../migrations', import.meta.url))
const schemaTable = 'kki.schema_version'
/** Longest wait for another process that migrates at the same moment. */
const lockTimeoutMs = 300_000

export interface MigrateOptions {
  databaseUrl: string
  logger: FastifyBaseLogger
  /** The service's login, if it is not the one that migrates: it gets the grants that the service needs. */
  grantTo?: string | undefined
  /** Folder of the `0001.do.name.sql` files; by default the sidecar's own. */
  directory?: string
}

export interface MigrateResult {
  /** Version before and after; 0 is an empty database. */
  from: number
  to: number
  applied: { version: number; name: string }[]
}

/**
 * Brings the schema, pg-boss's schema and its queues to the state that this program needs, and returns the change of
 * version.
 *
 * All migrations are one transaction under an advisory lock: several processes may call it at once, and a failure
 * leaves the database unchanged.
 *
 * @throws MigrationFailed if a file fails, or if an applied one has changed since.
 */
export async function migrate({
  databaseUrl,
  logger,
  grantTo,
  directory = ours
}: MigrateOptions): Promise<MigrateResult> {
  const client = openClient(databaseUrl, 'sdmk migrate')
  client.on('error', error => logger.warn({ err: error }, 'the connection of the migration broke'))
  try {
    await connectToPrimary(client, databaseUrl)
    const result = await applyFiles(client, directory)
    for (const { version, name } of result.applied) logger.info({ version, migration: name }, 'migration applied')
    await migrateQueue(databaseUrl)
    if (grantTo !== undefined) await grantToService(databaseUrl, grantTo)
    return result
  } finally {
    await client.end()
  }
}

/** Returns nothing if no migration is missing. @throws SchemaBehind otherwise. A newer database is accepted. */
export async function assertMigrated(pool: pg.Pool): Promise<void> {
  const files = postgrator(pool, ours)
  await files.getMigrations()
  const needed = await files.getMaxVersion()
  const found = await files.getDatabaseVersion()
  if (found < needed) throw new SchemaBehind(`The database is at version ${found} and this program needs ${needed}`)
}

async function applyFiles(client: pg.Client, directory: string): Promise<MigrateResult> {
  const runner = postgrator(client, directory)
  try {
    await client.query('begin')
    await client.query(`set local lock_timeout = ${lockTimeoutMs}`)
    await client.query(migrationLock)
    const from = await runner.getDatabaseVersion()
    const applied = await runner.migrate()
    const to = await runner.getDatabaseVersion()
    await client.query('commit')
    return { from, to, applied: applied.map(({ version, name }) => ({ version, name })) }
  } catch (cause) {
    await client.query('rollback').catch(() => undefined)
    // PostgreSQL's message may quote a value; other messages are about files.
    const reason = cause instanceof Error && !('severity' in cause) ? cause.message : summarizeError(cause)
    throw new MigrationFailed(`The migration failed and nothing was changed: ${reason}`, { cause })
  }
}

function postgrator(database: pg.Client | pg.Pool, directory: string): Postgrator {
  return new Postgrator({
    driver: 'pg',
    // The folder's name may contain characters with a meaning in glob patterns.
    migrationPattern: `${directory.replaceAll('\\', '/').replace(/[?*()[\]{}!+@]/g, '[$&]')}/*.sql`,
    schemaTable,
    // Checksums do not depend on the line ends of the checkout.
    newline: 'LF',
    execQuery: query => database.query(query)
  })
}
