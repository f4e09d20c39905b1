import { fileURLToPath } from 'node:url'
import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import Postgrator from 'postgrator'
import { connectToPrimary, openClient } from './connection.ts'
import { summarizeError } from './describe-error.ts'
import { MigrationFailed, SchemaBehind, SchemaForeign } from './errors.ts'
import { migrationLock } from './migration-lock.ts'
import { compareQueueSchema, migrateQueue, queueSessions } from './queue-schema.ts'
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
  /** True if a newer version of this program has migrated the database: then nothing was changed. */
  isNewer: boolean
}

/** The version of the database, and the newest one that this program knows. */
export interface SchemaVersions {
  database: number
  program: number
}

/**
 * Brings the schema, pg-boss's schema and its queues to the state that this program needs, and returns the change of
 * version. It leaves a database alone that a newer version has migrated: the grants and queues of this version would take
 * rights from the newer one.
 *
 * All migrations are one transaction under an advisory lock: several processes may call it at once, and a failure
 * leaves the database unchanged.
 *
 * @throws MigrationFailed if a file fails, or if running processes would not work with the new schema of the queue;
 *   SchemaForeign if an applied file has changed since.
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
    if (result.isNewer) return result
    await migrateQueue(databaseUrl)
    if (grantTo !== undefined) await grantToService(databaseUrl, grantTo)
    return result
  } finally {
    await client.end()
  }
}

/**
 * Returns the versions if no migration is missing. A newer database is accepted: each version only adds to the schema of the
 * version before.
 *
 * @throws SchemaBehind if a migration is missing; SchemaForeign if an applied one is not the one of this program
 */
export async function assertMigrated(pool: pg.Pool): Promise<SchemaVersions> {
  const files = postgrator(pool, ours)
  const program = await files.getMaxVersion()
  const database = await files.getDatabaseVersion()
  if (database < program) {
    throw new SchemaBehind(`The database is at version ${database} and this program needs ${program}`)
  }
  await requireSameFiles(files, database)
  return { database, program }
}

async function applyFiles(client: pg.Client, directory: string): Promise<MigrateResult> {
  const runner = postgrator(client, directory)
  try {
    await client.query('begin')
    await client.query(`set local lock_timeout = ${lockTimeoutMs}`)
    await client.query(migrationLock)
    const from = await runner.getDatabaseVersion()
    await requireSameFiles(runner, from)
    const queue = await compareQueueSchema(client)
    const isNewer = from > (await runner.getMaxVersion()) || queue === 'newer'
    if (queue === 'older') await requireStopped(client)
    const applied = isNewer ? [] : await runner.migrate()
    const to = await runner.getDatabaseVersion()
    await client.query('commit')
    return { from, to, applied: applied.map(({ version, name }) => ({ version, name })), isNewer }
  } catch (cause) {
    await client.query('rollback').catch(() => undefined)
    if (cause instanceof SchemaForeign || cause instanceof MigrationFailed) throw cause
    // PostgreSQL's message may quote a value; other messages are about files.
    const reason = cause instanceof Error && !('severity' in cause) ? cause.message : summarizeError(cause)
    throw new MigrationFailed(`The migration failed and nothing was changed: ${reason}`, { cause })
  }
}

/** @throws SchemaForeign if an applied migration has another content than the file of this program */
async function requireSameFiles(files: Postgrator, version: number): Promise<void> {
  try {
    await files.validateMigrations(version)
  } catch (cause) {
    const number = /checksum failed for migration \[(\d+)\]/i.exec(cause instanceof Error ? cause.message : '')?.[1]
    if (number === undefined) throw cause
    throw new SchemaForeign(
      `The database has another migration ${number} than this program, so a build between two releases has made it; use that build, or an empty database`,
      { cause }
    )
  }
}

/** pg-boss promises nothing about an older program with a newer schema. @throws MigrationFailed if one is connected */
async function requireStopped(client: pg.Client): Promise<void> {
  const count = await queueSessions(client)
  if (count === 0) return
  throw new MigrationFailed(
    `This version changes the schema of the queue, and running processes have ${count} connections to it: stop all of them, then run "sdmk migrate" again. Nothing was changed`
  )
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
