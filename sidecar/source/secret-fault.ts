import { SdmkError } from '../errors.ts'
import { KkiError, KkiRetryLater, TokenRefreshFailed } from './errors.ts'

/** When to ask again while the secrets cannot be had. */
const storePauseMs = 15_000

/** Returns an error of the store of secrets as what ends or postpones a batch; other errors come back as they are. */
export function asKkiError(error: unknown, what: string, page: number | undefined): unknown {
  if (!(error instanceof SdmkError) || error instanceof KkiError) return error
  const message = `${what}: ${error.message}`
  return error.retryable
    ? new KkiRetryLater(message, storePauseMs, { page, cause: error })
    : new TokenRefreshFailed(message, { page, cause: error })
}
