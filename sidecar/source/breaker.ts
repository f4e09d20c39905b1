import CircuitBreaker from 'opossum'
import { SdmkError } from '../errors.ts'
import { apart } from '../platform/tracing.ts'
import {
  KkiBodyTooLarge,
  KkiBreakerOpen,
  KkiClockWrong,
  KkiContractBroken,
  KkiModuleFailed,
  KkiRefused,
  KkiRetryLater,
  KkiTokenRefused,
  KkiUnavailable,
  TokenRefreshFailed
} from './errors.ts'
import type { BreakerState, KkiSettings } from './options.ts'
import type { CallContext, KkiPage, KkiQuery } from './types.ts'

type FetchPage = (query: KkiQuery, context: CallContext) => Promise<KkiPage>

/** Keeps a KKI that is down from being asked: a page with all its retries is one event. */
export class KkiBreaker {
  readonly #settings: KkiSettings
  readonly #circuit: CircuitBreaker<[KkiQuery, CallContext], KkiPage>
  #openedAt = 0

  constructor(settings: KkiSettings, action: FetchPage) {
    const { volumeThreshold, windowMs, errorThresholdPercentage, resetMs } = settings.breaker
    this.#settings = settings
    this.#circuit = new CircuitBreaker(action, {
      // Its own timeout would abort every call in flight; each attempt has a time limit already.
      timeout: false,
      volumeThreshold,
      rollingCountTimeout: windowMs,
      errorThresholdPercentage,
      resetTimeout: resetMs,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      errorFilter: error => !this.#countsAsFailure(error)
    })
    // The breaker is everybody's: what it says belongs to no call.
    const { observer, logger } = settings
    this.#circuit.on('open', () => {
      this.#openedAt = performance.now()
      observer.onBreakerState?.(2)
      apart(() => logger.error({ breaker: 'open' }, 'the KKI breaker opened: KKI is not asked for a while'))
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

  /** Settles as `action` does. @throws KkiBreakerOpen where KKI is not to be asked now. */
  async fire(query: KkiQuery, context: CallContext): Promise<KkiPage> {
    try {
      return await this.#circuit.fire(query, context)
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EOPENBREAKER') throw error
      const message = `KKI at ${this.#settings.baseUrl.origin} failed too often of late and is not asked for now`
      throw new KkiBreakerOpen(message, this.#untilProbe(), { page: context.page })
    }
  }

  /** Ends its timers. */
  close(): void {
    this.#circuit.shutdown()
  }

  #countsAsFailure(error: unknown): boolean {
    if (error instanceof KkiUnavailable || error instanceof KkiContractBroken) return true
    if (error instanceof KkiBodyTooLarge) return true
    // Where our own secrets are out of reach, KKI was not even asked.
    if (error instanceof KkiRetryLater && !(error.cause instanceof SdmkError)) return true
    if (error instanceof KkiRefused || error instanceof KkiTokenRefused) return false
    if (error instanceof KkiClockWrong || error instanceof TokenRefreshFailed) return false
    if (error instanceof KkiModuleFailed) return false
    // What is left (the caller's abort, a database that holds no lock) says nothing about KKI. The breaker takes every
    // error that is no failure for a success, and the probe's success would close it without any proof.
    return this.#circuit.halfOpen
  }

  /** Milliseconds until the next probe; where one is under way, until the one after it. */
  #untilProbe(): number {
    const { resetMs } = this.#settings.breaker
    const left = this.#openedAt + resetMs - performance.now()
    return left > 0 ? Math.ceil(left) : resetMs
  }
}
