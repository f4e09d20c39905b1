import CircuitBreaker from 'opossum'
import { SdmkError } from '../errors.ts'
import { apart } from '../platform/tracing.ts'
import {
  KkiBodyTooLarge,
  KkiBreakerOpen,
  KkiClockWrong,
  KkiContractBroken,
  KkiDenied,
  KkiModuleFailed,
  KkiRetryLater,
  KkiTokenMissing,
  KkiUnavailable,
  TokenRefreshFailed
} from './errors.ts'
import type { BreakerState, KkiSettings } from './options.ts'
import type { CallContext, KkiPage, KkiQuery } from './types.ts'

type FetchPage = (query: KkiQuery, context: CallContext) => Promise<KkiPage>

/** Stops requests while KKI is unavailable; a page with all its retries is one event. */
export class KkiBreaker {
  readonly #settings: KkiSettings
  readonly #circuit: CircuitBreaker<[KkiQuery, CallContext], KkiPage>
  #openedAt = 0

  constructor(settings: KkiSettings, action: FetchPage) {
    const { volumeThreshold, windowMs, errorThresholdPercentage, resetMs } = settings.breaker
    this.#settings = settings
    this.#circuit = new CircuitBreaker(action, {
      // Its timeout would abort running calls; each attempt already has a time limit.
      timeout: false,
      volumeThreshold,
      rollingCountTimeout: windowMs,
      errorThresholdPercentage,
      resetTimeout: resetMs,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      errorFilter: error => !this.#countsAsFailure(error)
    })
    // All calls share the breaker, so its messages belong to no trace.
    const { observer, logger } = settings
    this.#circuit.on('open', () => {
      this.#openedAt = performance.now()
      observer.onBreakerState?.(2)
      apart(() => logger.error({ breaker: 'open' }, 'the KKI breaker opened: requests to KKI pause'))
    })
    this.#circuit.on('halfOpen', () => {
      observer.onBreakerState?.(1)
      apart(() => logger.info({ breaker: 'half-open' }, 'the KKI breaker lets one page through'))
    })
    this.#circuit.on('close', () => {
      observer.onBreakerState?.(0)
      apart(() => logger.info({ breaker: 'closed' }, 'the KKI breaker closed: KKI answers again'))
    })
  }

  get state(): BreakerState {
    if (this.#circuit.opened) return 2
    return this.#circuit.halfOpen ? 1 : 0
  }

  /** Settles as `action` does. @throws KkiBreakerOpen while the breaker is open. */
  async fire(query: KkiQuery, context: CallContext): Promise<KkiPage> {
    try {
      return await this.#circuit.fire(query, context)
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EOPENBREAKER') throw error
      const message = `KKI at ${this.#settings.baseUrl.origin} failed too often; requests pause`
      throw new KkiBreakerOpen(message, this.#untilProbe(), { page: context.page })
    }
  }

  /** Stops its timers. */
  close(): void {
    this.#circuit.shutdown()
  }

  #countsAsFailure(error: unknown): boolean {
    if (error instanceof KkiUnavailable || error instanceof KkiContractBroken) return true
    if (error instanceof KkiBodyTooLarge) return true
    // If our own secrets are unavailable, KKI was not called.
    if (error instanceof KkiRetryLater && !(error.cause instanceof SdmkError)) return true
    if (error instanceof KkiDenied || error instanceof KkiTokenMissing) return false
    if (error instanceof KkiClockWrong || error instanceof TokenRefreshFailed) return false
    if (error instanceof KkiModuleFailed) return false
    // Other errors (the caller's abort, a database error at a lock) show nothing about KKI. The breaker treats an error
    // that is no failure as a success, and a success of the probe would close the breaker without proof.
    return this.#circuit.halfOpen
  }

  /** Milliseconds until the next probe; while one runs, until the one after it. */
  #untilProbe(): number {
    const { resetMs } = this.#settings.breaker
    const left = this.#openedAt + resetMs - performance.now()
    return left > 0 ? Math.ceil(left) : resetMs
  }
}
