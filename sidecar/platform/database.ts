import type { FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import pg from 'pg'
import { DatabaseUnavailable } from './errors.ts'
import { apart } from './tracing.ts'
import { inTransaction } from './transaction.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Database
  }
}

export interface DatabaseOptions {
  url: string
  maxConnections: number
  /** Shown in `pg_stat_activity`. */
  applicationName?: string
  /** Prepares each connection before it is used; one for which it throws is closed, and whoever wanted it gets the error. */
  onConnect?: ((client: pg.ClientBase) => Promise<void>) | undefined
}

/** PostgreSQL, as the rest of the sidecar uses it. */
export interface Database {
  /** `int8` comes as a number, `date` as `YYYY-MM-DD`, `timestamptz` as a Date. */
  pool: pg.Pool
  /** Returns what `work` returns, committed; rolls back and rethrows if it throws. */
  withTransaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Like `withTransaction`, but takes back all that `work` did. */
  withRollback<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Like `withTransaction`, but alone: of all processes on this database, one at a time works under this name. */
  withAdvisoryLock<T>(name: string, work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Sets what becomes of notices for Odoo. Until then a transaction that gives one fails. */
  setOdooOutbox(outbox: OdooOutbox): void
}

/** A client within `withTransaction`. Code that changes no record that Odoo mirrors takes a plain client. */
export interface Transaction extends pg.ClientBase {
  /** Has the state of these records sent to Odoo once the transaction is committed. */
  notifyOdoo(notice: OdooNotice): void
}

/** Ids of mirrored records that a transaction changed. */
export interface OdooNotice {
  batches?: readonly number[]
  rejections?: readonly number[]
  people?: readonly number[]
  /** A batch that changed people; its change records name them. */
  changesOf?: number
  /** A batch that rejected rows, or settled or closed rejections. */
  rejectionsOf?: number
  setting?: true
  auditHead?: true
}

/** Stores jobs for a transaction's notices, within that transaction. */
export type OdooOutbox = (transaction: Transaction, notices: readonly OdooNotice[]) => Promise<void>

const connectTimeoutMs = 5000

/** Returns for how long a connection may take to be made, in ms: `connect_timeout` of the URL, in seconds as libpq has it. */
export function connectTimeoutOf(url: string): number {
  const given = /[?&]connect_timeout=(\d+)/.exec(url)?.[1]
  return given === undefined ? connectTimeoutMs : Number(given) * 1000
}

/** Returns a pool that connects on first use; the caller ends `pool`. Broken idle connections are logged and replaced. */
export function createDatabase(options: DatabaseOptions, logger: FastifyBaseLogger): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections,
    application_name: options.applicationName ?? 'sdmk',
    connectionTimeoutMillis: connectTimeoutOf(options.url),
    keepAlive: true,
    // A plan over two million rows takes its time; what must be quick sets its own limit.
    statement_timeout: 0,
    types,
    ...(options.onConnect && { onConnect: options.onConnect })
  })
  let outbox: OdooOutbox = async () => {
    throw new TypeError('A transaction has notices for Odoo, and this process has set no outbox')
  }
  const withTransaction: Database['withTransaction'] = work =>
    inTransaction(pool, async client => {
      const notices: OdooNotice[] = []
      // Set for each transaction, as the pool sets `release`.
      const transaction = Object.assign(client, { notifyOdoo: (notice: OdooNotice) => void notices.push(notice) })
      const result = await work(transaction)
      if (notices.length > 0) await outbox(transaction, notices)
      return result
    })
  // Odoo has nothing to learn of what is taken back.
  const withRollback: Database['withRollback'] = work =>
    inTransaction(pool, client => work(Object.assign(client, { notifyOdoo: () => {} })), { end: 'rollback' })
  // It breaks within whatever work once opened it, and is no part of it.
  pool.on('error', error =>
    apart(() => logger.warn({ err: error }, 'an idle database connection broke; a new one takes its place'))
  )
  return {
    pool,
    withTransaction,
    withRollback,
    withAdvisoryLock: (name, work) =>
      withTransaction(async transaction => {
        await transaction.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))', [name])
        return work(transaction)
      }),
    setOdooOutbox(value) {
      outbox = value
    }
  }
}

/** Returns nothing if the database answers. @throws DatabaseUnavailable with the reason in words, never the login. */
export async function checkDatabase(url: string): Promise<void> {
  const client = openClient(url)
  try {
    await client.connect()
  } catch (error) {
    throw unavailable(url, error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Returns a client of its own, not yet connected, with the parsers of the pool. The caller ends it. */
export function openClient(url: string, applicationName = 'sdmk'): pg.Client {
  try {
    return new pg.Client({
      connectionString: url,
      application_name: applicationName,
      connectionTimeoutMillis: connectTimeoutOf(url),
      keepAlive: true,
      types
    })
  } catch (error) {
    throw unavailable(url, error)
  }
}

/** Returns the error that a failed connection to `url` is reported as. */
export function unavailable(url: string, error: unknown): DatabaseUnavailable {
  return new DatabaseUnavailable(serverOf(url), reasonOf(error), { cause: error })
}

/** Decorates the app with `database`; the pool is closed with the app. Starting fails if the database does not answer. */
export default fp<DatabaseOptions>(
  async function databasePlugin(app, options) {
    await checkDatabase(options.url)
    const database = createDatabase(options, app.log)
    app.decorate('database', database)
    app.addHook('onClose', async () => database.pool.end())
  },
  { name: 'database', fastify: '5.x' }
)

const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, toSafeInteger)
types.setTypeParser(pg.types.builtins.DATE, text => text)
/** The arrays of both, which `pg.types.builtins` does not name. */
const int8Array = 1016
const dateArray = 1182
const textArray = 1009
// Its type says that a parser takes a number; what comes from the server is text.
const parseTextArray = types.getTypeParser(textArray) as unknown as (text: string) => (string | null)[]
types.setTypeParser(int8Array, text => parseTextArray(text).map(item => (item === null ? null : toSafeInteger(item))))
types.setTypeParser(dateArray, parseTextArray)

function toSafeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('an int8 from the database is too large for a number')
  return value
}

function serverOf(url: string): string {
  try {
    const { hostname, port } = new URL(url)
    return `${hostname || 'localhost'}:${port || 5432}`
  } catch {
    return 'an address that cannot be read'
  }
}

/** In words where the cause is common; otherwise the code alone, since texts of the driver can repeat the login. */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  if (code === '28P01' || code === '28000') return `refuses the login (${code})`
  if (code === '3D000') return `has no database of that name (${code})`
  if (code === '57P03') return `is not ready yet (${code})`
  if (code === '53300') return `has no connection to spare (${code})`
  if (code) return `cannot be reached (${code})`
  if (/timeout/i.test(message ?? '')) return 'cannot be reached (no answer in 5 s)'
  return 'cannot be reached'
}
