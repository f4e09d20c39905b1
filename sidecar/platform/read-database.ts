import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyBaseLogger, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import pg from 'pg'
import { connectionOptions, openClient, types, unavailable } from './connection.ts'
import { DatabaseUnavailable } from './errors.ts'
import { apart } from './tracing.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Returns what `read` returns. It reads from the standby of `SDMK_DATABASE_READ_URL` if that is recent enough; the header
     * `sdmk-data-age` then says how many seconds old the data is at most. Otherwise, and if the standby fails, it reads
     * from the primary. Not for decisions.
     */
    readFromStandby<T>(reply: FastifyReply, read: (connection: pg.Pool | pg.ClientBase) => Promise<T>): Promise<T>
  }

  interface FastifyContextConfig {
    /** True for a route that calls `readFromStandby`. The API description then has its header. */
    readsStandby?: boolean
  }
}

/** Says how many seconds old the answer's data is at most; an answer of the primary does not have it. */
export const ageHeader = 'sdmk-data-age'

/** How often the position of the primary is read, and so how exact the age is. */
const observeMs = 1000
/** After a failure the standby is not used for this time, so that not every request waits for it. */
const pauseMs = 5000
/** How often a standby is asked whether it has caught up. */
const askMs = 50
/** A standby that does not answer for this long is left for the primary. */
const answerMs = 30_000

export interface ReadDatabaseOptions {
  /** Null: everything is read from the primary. */
  url: string | null
  /** Data of the standby may be this old. */
  maxAgeSeconds: number
  maxConnections: number
}

/** Where the primary was in its log at a time of this process's monotonic clock. */
interface Position {
  at: number
  place: bigint
}

/**
 * Reads from a standby whose age is known without comparing clocks: a standby that has replayed the log up to a position has
 * everything that was committed before the primary was seen there.
 */
export class ReadDatabase {
  readonly #primary: pg.Pool
  readonly #standby: pg.Pool
  readonly #url: string
  readonly #maxAgeMs: number
  readonly #logger: FastifyBaseLogger
  readonly #timer: NodeJS.Timeout
  /** Oldest first. */
  #positions: Position[] = []
  #observing: Promise<void> | null = null
  #pausedUntil = 0
  #isUsed: boolean | null = null

  constructor(
    primary: pg.Pool,
    { url, maxAgeSeconds, maxConnections }: ReadDatabaseOptions & { url: string },
    logger: FastifyBaseLogger
  ) {
    this.#primary = primary
    this.#url = url
    this.#maxAgeMs = maxAgeSeconds * 1000
    this.#logger = logger
    this.#standby = new pg.Pool({
      ...connectionOptions(url, 'sdmk reads'),
      max: maxConnections,
      query_timeout: answerMs,
      types
    })
    this.#standby.on('error', error =>
      apart(() => logger.warn({ err: error }, 'an idle connection to the standby broke'))
    )
    this.#timer = setInterval(() => apart(() => this.observe()), observeMs).unref()
  }

  /** Notes the present position of the primary. While the primary does not answer, the data of the standby ages. */
  async observe(): Promise<void> {
    this.#observing ??= this.#readPosition().finally(() => {
      this.#observing = null
    })
    await this.#observing
  }

  /** Returns what `read` returns, and the age of the standby's data in seconds; null if it was read from the primary. */
  async read<T>(
    read: (connection: pg.Pool | pg.ClientBase) => Promise<T>
  ): Promise<{ value: T; ageSeconds: number | null }> {
    if (performance.now() < this.#pausedUntil) return this.#readPrimary(read)
    try {
      const answer = await this.#readStandby(read)
      this.#tell(true)
      return answer
    } catch (error) {
      const answer = await this.#readPrimary(read)
      // Not reached if the primary denies the request as well.
      if (!(error instanceof StandbyBehind)) this.#pausedUntil = performance.now() + pauseMs
      this.#tell(false, error)
      return answer
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#observing
    await this.#standby.end()
  }

  async #readPrimary<T>(read: (connection: pg.Pool) => Promise<T>) {
    return { value: await read(this.#primary), ageSeconds: null }
  }

  async #readStandby<T>(read: (connection: pg.ClientBase) => Promise<T>) {
    const client = await this.#standby.connect()
    let failure: Error | undefined
    const onError = (error: Error) => {
      failure = error
    }
    client.on('error', onError)
    try {
      // Connections may lead to different standbys, so each is asked itself.
      const ageMs = await this.#ageOf(client)
      if (ageMs > this.#maxAgeMs) throw new StandbyBehind(`its data is ${Math.round(ageMs / 1000)} s old`)
      return { value: await read(client), ageSeconds: Math.ceil(ageMs / 1000) }
    } catch (error) {
      // The next connection may lead to another standby.
      failure = error as Error
      throw error
    } finally {
      client.release(failure)
      if (!failure) client.off('error', onError)
    }
  }

  async #ageOf(client: pg.ClientBase): Promise<number> {
    const replayed = await readReplayed(client, this.#url)
    const seen = this.#positions.findLast(position => position.place <= replayed)
    return seen === undefined ? Number.POSITIVE_INFINITY : performance.now() - seen.at
  }

  async #readPosition(): Promise<void> {
    const at = performance.now()
    try {
      this.#positions.push({ at, place: await readWritten(this.#primary) })
    } catch {
      // The requests that need the primary report it.
    }
    const oldest = performance.now() - this.#maxAgeMs
    while (this.#positions[0] && this.#positions[0].at < oldest) this.#positions.shift()
  }

  #tell(isUsed: boolean, error?: unknown) {
    if (this.#isUsed === isUsed) return
    this.#isUsed = isUsed
    if (isUsed) this.#logger.info('reads use the standby')
    else if (error instanceof StandbyBehind) this.#logger.warn('the standby is too far behind; reads use the primary')
    else this.#logger.warn({ err: unavailableStandby(this.#url, error) }, 'the standby failed; reads use the primary')
  }
}

/** The standby does not have everything yet that the answer needs. */
export class StandbyBehind extends Error {}

/**
 * Returns how many ms the standby needs until it has everything that the primary has now; null if it has not after `limitMs`.
 *
 * @throws DatabaseUnavailable if it does not answer, or is no standby of this primary
 */
export async function measureCatchUp(primary: pg.Pool, url: string, limitMs: number): Promise<number | null> {
  const client = openClient(url, 'sdmk check')
  try {
    await client.connect()
    if ((await readSystem(client)) !== (await readSystem(primary))) {
      throw new DatabaseUnavailable(new URL(url).host, 'is of another cluster than the primary', {}, readSetting)
    }
    const started = performance.now()
    const written = await readWritten(primary)
    while ((await readReplayed(client, url)) < written) {
      if (performance.now() - started > limitMs) return null
      await wait(askMs)
    }
    return performance.now() - started
  } catch (error) {
    throw unavailableStandby(url, error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

const readSetting = 'SDMK_DATABASE_READ_URL'

function unavailableStandby(url: string, error: unknown): DatabaseUnavailable {
  return error instanceof DatabaseUnavailable ? error : unavailable(url, error, readSetting)
}

/** Returns how far the standby has replayed the log. @throws DatabaseUnavailable if it is none */
async function readReplayed(client: pg.ClientBase, url: string): Promise<bigint> {
  const { rows } = await client.query<{ isStandby: boolean; place: string | null }>(
    'select pg_is_in_recovery() as "isStandby", pg_last_wal_replay_lsn()::text as place'
  )
  const { isStandby, place } = rows[0] ?? {}
  // Also a former primary that has not noticed its replacement yet.
  if (!isStandby || !place) throw new DatabaseUnavailable(new URL(url).host, 'is no standby', {}, readSetting)
  return toPlace(place)
}

/** Returns how far the primary has written its log. */
async function readWritten(primary: pg.Pool): Promise<bigint> {
  const { rows } = await primary.query<{ place: string }>('select pg_current_wal_lsn()::text as place')
  return toPlace(rows[0]?.place ?? '')
}

/** Returns the number that a primary shares with its standbys alone. */
async function readSystem(connection: pg.Pool | pg.ClientBase): Promise<string> {
  const { rows } = await connection.query<{ system: string }>(
    'select system_identifier::text as system from pg_control_system()'
  )
  return rows[0]?.system ?? ''
}

/** Parses a position in the log, such as `16/B374D848`. */
function toPlace(text: string): bigint {
  const [high = '', low = ''] = text.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

/** Otherwise the API description would lack the header. */
function requireDeclared({ request }: FastifyReply): void {
  if (request.routeOptions.config.readsStandby !== true) throw new Error('a route that may read the standby says so')
}

/** Decorates the app with `readFromStandby`. */
export default fp<ReadDatabaseOptions>(
  async function readDatabasePlugin(app, { url, ...options }) {
    if (url === null) {
      app.decorate('readFromStandby', async (reply, read) => {
        requireDeclared(reply)
        return read(app.database.pool)
      })
      return
    }
    const reads = new ReadDatabase(app.database.pool, { url, ...options }, app.log)
    await reads.observe()
    app.addHook('onClose', () => reads.close())
    app.decorate('readFromStandby', async (reply, read) => {
      requireDeclared(reply)
      const { value, ageSeconds } = await reads.read(read)
      if (ageSeconds !== null) reply.header(ageHeader, ageSeconds)
      return value
    })
  },
  { name: 'read-database', fastify: '5.x', dependencies: ['database'] }
)
