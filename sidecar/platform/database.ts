import type { FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import pg from 'pg'
import { breakConnection, checkDatabase, connectionOptions, requirePrimary, types } from './connection.ts'
import { refuseSharedSessions } from './pooler.ts'
import { apart } from './tracing.ts'
import { inTransaction } from './transaction.ts'
import { watchDatabase } from './watch-database.ts'

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
  /**
   * Prepares each connection before its first use. If it throws, the connection is closed and its requester gets the
   * error.
   */
  onConnect?: ((client: pg.ClientBase) => Promise<void>) | undefined
}

/** The interface to PostgreSQL for the rest of the sidecar. */
export interface Database {
  /** `int8` comes as a number, `date` as `YYYY-MM-DD`, `timestamptz` as a Date. */
  pool: pg.Pool
  /** Returns what `work` returns, committed; rolls back and rethrows if it throws. */
  withTransaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Like `withTransaction`, but always rolls back. */
  withRollback<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Like `withTransaction`, under an exclusive lock: only one process on this database runs under this name at a time. */
  withAdvisoryLock<T>(name: string, work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Sets the outbox for notices to Odoo. Before this, a transaction with a notice fails. */
  setOdooOutbox(outbox: OdooOutbox): void
  /** Breaks all connections, so that work that waits for a server without an answer fails and is repeated. */
  dropConnections(): void
}

/** A client within `withTransaction`. Code that changes no record that Odoo mirrors takes a plain client. */
export interface Transaction extends pg.ClientBase {
  /** Sends the state of these records to Odoo after the commit. */
  notifyOdoo(notice: OdooNotice): void
}

/** Ids of the mirrored records that a transaction changed. */
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

/** Returns a pool that connects on first use; the caller ends `pool`. Broken idle connections are logged and replaced. */
export function createDatabase(options: DatabaseOptions, logger: FastifyBaseLogger): Database {
  const clients = new Set<pg.ClientBase>()
  const pool = new pg.Pool({
    ...connectionOptions(options.url, options.applicationName ?? 'sdmk'),
    max: options.maxConnections,
    // A plan over two million rows takes long; transactions that must be quick set their own limit.
    statement_timeout: 0,
    types,
    async onConnect(client) {
      clients.add(client)
      client.once('end', () => clients.delete(client))
      await requirePrimary(client, options.url)
      await options.onConnect?.(client)
    }
  })
  let outbox: OdooOutbox = async () => {
    throw new TypeError('a transaction has notices for Odoo, but this process has set no outbox')
  }
  const withTransaction: Database['withTransaction'] = work =>
    inTransaction(pool, async client => {
      const notices: OdooNotice[] = []
      // Set for each transaction, in the same way as the pool sets `release`.
      const transaction = Object.assign(client, { notifyOdoo: (notice: OdooNotice) => void notices.push(notice) })
      const result = await work(transaction)
      if (notices.length > 0) await outbox(transaction, notices)
      return result
    })
  // Odoo must not receive changes that are rolled back.
  const withRollback: Database['withRollback'] = work =>
    inTransaction(pool, client => work(Object.assign(client, { notifyOdoo: () => {} })), { end: 'rollback' })
  // The event fires in the async context of the work that opened the connection, to which it does not belong.
  pool.on('error', error =>
    apart(() => logger.warn({ err: error }, 'an idle database connection broke and is replaced'))
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
    },
    dropConnections() {
      for (const client of clients) breakConnection(client)
    }
  }
}

/** Decorates the app with `database`; the pool is closed with the app. Starting fails if the database does not answer. */
export default fp<DatabaseOptions>(
  async function databasePlugin(app, options) {
    await checkDatabase(options.url)
    await refuseSharedSessions(options.url)
    const database = createDatabase(options, app.log)
    const watch = watchDatabase(options.url, database, app.log)
    app.decorate('database', database)
    app.addHook('onClose', async () => {
      await watch.close()
      await database.pool.end()
    })
  },
  { name: 'database', fastify: '5.x' }
)
