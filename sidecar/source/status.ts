import { AttemptFailed } from './attempt.ts'
import type { HttpAnswer } from './http.ts'
import { parseRetryAfter } from './retry-after.ts'

/** Returns whether the same request may succeed a little later: 408, 429 and 5xx. */
export function isRetryable(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

/** Returns the failure for a retryable status, with KKI's pause. */
export function statusFailure({ status, date, retryAfter }: HttpAnswer): AttemptFailed {
  return new AttemptFailed({
    kind: 'outage',
    problem: `answers ${status}`,
    status,
    retryAfterMs: parseRetryAfter(retryAfter, date ?? Date.now())
  })
}
