import timers from 'node:timers/promises'
import pRetry from 'p-retry'
import { counted } from '../platform/plural.ts'
import { AttemptFailed } from './attempt.ts'
import { KkiContractBroken, KkiRetryLater, KkiUnavailable } from './errors.ts'
import type { KkiSettings } from './options.ts'
import type { CallContext } from './types.ts'

/**
 * Settles with the first attempt that is not an AttemptFailed, after at most `retries` further attempts.
 *
 * Pauses grow exponentially with jitter, in addition to KKI's `Retry-After`.
 * @throws KkiUnavailable or KkiContractBroken, depending on the last failure; KkiRetryLater at once if KKI requires a pause
 *   over `retryAfterMaxMs`; the reason of an aborted signal, also during a pause.
 */
export async function withRetries<T>(
  settings: KkiSettings,
  context: CallContext,
  attempt: () => Promise<T>
): Promise<T> {
  const { page, requestId, traceId, signal } = context
  const origin = settings.baseUrl.origin
  let attempts = 0
  try {
    return await pRetry(
      number => {
        attempts = number
        return attempt()
      },
      {
        retries: settings.retries,
        minTimeout: settings.retryBaseMs,
        maxTimeout: settings.retryMaxMs,
        randomize: true,
        signal,
        shouldRetry: ({ error }) => error instanceof AttemptFailed,
        async onFailedAttempt({ error, retriesLeft }) {
          if (!(error instanceof AttemptFailed)) return
          const { retryAfterMs, status, message: problem } = error
          if (retryAfterMs !== null && retryAfterMs > settings.retryAfterMaxMs) {
            const message = `KKI at ${origin} ${problem} and requires a pause of ${Math.ceil(retryAfterMs / 1000)} s`
            throw new KkiRetryLater(message, retryAfterMs, { status, attempts, page, cause: error })
          }
          if (retriesLeft === 0) return
          settings.observer.onRetry?.()
          settings.logger.warn(
            {
              sent_request_id: requestId,
              trace_id: traceId,
              page,
              attempt: attempts,
              status,
              retry_after_ms: retryAfterMs,
              problem
            },
            'the request to KKI is repeated'
          )
          if (retryAfterMs !== null) await pause(retryAfterMs, signal)
        }
      }
    )
  } catch (error) {
    if (!(error instanceof AttemptFailed)) throw error
    const Outcome = error.kind === 'outage' ? KkiUnavailable : KkiContractBroken
    throw new Outcome(`KKI at ${origin} ${error.message} after ${counted(attempts, 'attempt')}`, {
      status: error.status,
      attempts,
      page,
      cause: error.cause
    })
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await timers.setTimeout(ms, undefined, { signal })
  } catch (error) {
    // The timer rejects with its own AbortError; callers get the reason of their signal.
    signal.throwIfAborted()
    throw error
  }
}
