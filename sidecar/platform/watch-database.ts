import type { FastifyBaseLogger } from 'fastify'
import { breakConnection, openClient, requirePrimary } from './connection.ts'
import type { Database } from './database.ts'
import { DatabaseUnavailable } from './errors.ts'
import { apart } from './tracing.ts'

export interface WatchOptions {
  intervalMs?: number
  /** For how long a single question may stay without an answer. */
  answerMs?: number
  /** How long the server may be silent before the connections are dropped. */
  silentMs?: number
}

/**
 * Checks at regular intervals, over a new connection, whether the server is the primary. If it has become a standby, or gave
 * no answer for a minute, all connections are dropped, so waiting work fails and is repeated. Otherwise a frozen server would
 * block its clients until it responds again. A rejected connection counts as an answer.
 */
export function watchDatabase(
  url: string,
  database: Pick<Database, 'dropConnections'>,
  logger: FastifyBaseLogger,
  { intervalMs = 10_000, answerMs = 5_000, silentMs = 60_000 }: WatchOptions = {}
): { close(): Promise<void> } {
  let answeredAt = performance.now()
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()

  const drop = (why: string) => {
    logger.error({ why }, 'the database connections are dropped')
    database.dropConnections()
  }

  async function look(): Promise<void> {
    const answer = await ask(url, answerMs)
    if (isClosed) return
    if (answer === 'standby') drop('the server is a standby')
    if (answer !== 'silent') answeredAt = performance.now()
    else if (performance.now() - answeredAt >= silentMs) drop('the server does not answer')
    plan()
  }

  function plan() {
    timer = setTimeout(() => {
      looking = apart(look)
    }, intervalMs).unref()
  }

  plan()
  return {
    async close() {
      isClosed = true
      clearTimeout(timer)
      await looking
    }
  }
}

type Answer = 'primary' | 'standby' | 'refused' | 'silent'

async function ask(url: string, answerMs: number): Promise<Answer> {
  const { promise: silence, resolve } = Promise.withResolvers<Answer>()
  const timer = setTimeout(resolve, answerMs, 'silent')
  const client = openClient(url, 'sdmk watch')
  client.on('error', () => undefined)
  try {
    return await Promise.race([answerOf(client, url), silence])
  } finally {
    clearTimeout(timer)
    // Not `end`, which waits for a server that may never answer.
    breakConnection(client)
  }
}

async function answerOf(client: ReturnType<typeof openClient>, url: string): Promise<Answer> {
  try {
    await client.connect()
    await requirePrimary(client, url)
    return 'primary'
  } catch (error) {
    if (error instanceof DatabaseUnavailable) return 'standby'
    return error instanceof Error && /timeout/i.test(error.message) ? 'silent' : 'refused'
  }
}
