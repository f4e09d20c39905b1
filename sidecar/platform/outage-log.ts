import type { FastifyBaseLogger } from 'fastify'
import { isOutage } from './outage.ts'

/** An outage is over when no error was reported for so long; the workers of the queue ask twice a second. */
const quietMs = 10_000

/**
 * Logs the queue's errors. While the database is away every worker reports the same error several times a second: then the
 * first one is logged, and the end with the duration and the number of errors.
 */
export class OutageLog {
  readonly #logger: FastifyBaseLogger
  readonly #quietMs: number
  #outage: { since: number; last: number; errors: number; timer: NodeJS.Timeout } | null = null

  constructor(logger: FastifyBaseLogger, options: { quietMs?: number } = {}) {
    this.#logger = logger
    this.#quietMs = options.quietMs ?? quietMs
  }

  report(error: unknown): void {
    if (!isOutage(asError(error))) {
      this.#logger.error({ err: error }, 'the queue reported an error')
      return
    }
    const now = performance.now()
    if (this.#outage === null) {
      this.#logger.error({ err: error }, 'the queue cannot reach the database')
      this.#outage = { since: now, last: now, errors: 0, timer: setTimeout(() => this.#end(), this.#quietMs).unref() }
    }
    this.#outage.last = now
    this.#outage.errors++
    this.#outage.timer.refresh()
  }

  close(): void {
    clearTimeout(this.#outage?.timer)
    this.#outage = null
  }

  #end(): void {
    if (this.#outage === null) return
    const { since, last, errors } = this.#outage
    this.#outage = null
    this.#logger.info({ seconds: Math.round((last - since) / 1000), errors }, 'the queue reaches the database again')
  }
}

/** pg-boss copies the fields of some errors into plain objects. */
function asError(error: unknown): unknown {
  if (error instanceof Error || typeof error !== 'object' || error === null) return error
  const { message, code } = error as { message?: unknown; code?: unknown }
  return Object.assign(new Error(typeof message === 'string' ? message : ''), typeof code === 'string' ? { code } : {})
}
