import { SdmkError } from '../errors.ts'
import { KkiError, KkiRetryLater, TokenRefreshFailed } from './errors.ts'

/** The pause before the next attempt while the secrets are unavailable. */
const storePauseMs = 15_000

/** Converts an error of the store of secrets into one that ends or postpones a batch; returns other errors unchanged. */
export function asKkiError(error: unknown, what: string, page: number | undefined): unknown {
  if (!(error instanceof SdmkError) || error instanceof KkiError) return error
  const message = `${what}: ${error.message}`
  return error.retryable
    ? new KkiRetryLater(message, storePauseMs, { page, cause: error })
    : new TokenRefreshFailed(message, { page, cause: error })
}
