import { SdmkError } from '../errors.ts'

/** What is known about a failed call: `page` counts from 1 inside its walk; `null` means that it does not apply. */
export interface KkiErrorDetails {
  status?: number | undefined
  attempts?: number | undefined
  page?: number | undefined
  cause?: unknown
}

/** The base of every error of the KKI client. `attempts` counts those of this page, `null` where it was not retried. */
export abstract class KkiError extends SdmkError {
  readonly status: number | null
  readonly attempts: number | null
  readonly page: number | null

  constructor(message: string, details: KkiErrorDetails = {}) {
    const where = details.page === undefined ? '' : ` (page ${details.page})`
    super(message + where, details.cause === undefined ? undefined : { cause: details.cause })
    this.status = details.status ?? null
    this.attempts = details.attempts ?? null
    this.page = details.page ?? null
  }
}

/** KKI could not be reached, did not answer in time, broke off, or answered 408, 429 or 5xx, each retry included. */
export class KkiUnavailable extends KkiError {
  readonly code = 'KKI_UNAVAILABLE'
  override readonly retryable = true
}

/**
 * KKI answers, but not as the contract says: broken JSON, no data array, no `Date`, each retry included; or a row that is not
 * JSON in a page that is otherwise whole.
 */
export class KkiContractBroken extends KkiError {
  readonly code = 'KKI_CONTRACT'
}

/**
 * KKI's clock and ours are too far apart to say up to when its data is known. Not repeated: clocks do not mend in seconds.
 */
export class KkiClockWrong extends KkiError {
  readonly code = 'KKI_CLOCK'
}

/** KKI refused the request itself (400, 403, 404, a second 401); repeating it unchanged is of no use. */
export class KkiRefused extends KkiError {
  readonly code = 'KKI_REFUSED'
}

/**
 * KKI's token endpoint answered neither with a token nor about the credentials: a redirect, 403, 404. Apart from KkiRefused,
 * because the status says nothing about the page or STR that was asked for.
 */
export class KkiTokenRefused extends KkiError {
  readonly code = 'KKI_REFUSED'
}

/** KKI asks for a longer pause than a call may wait; ask again `retryAfterMs` milliseconds from now. */
export class KkiRetryLater extends KkiError {
  readonly code = 'KKI_RETRY_LATER'
  override readonly retryable = true
  readonly retryAfterMs: number

  constructor(message: string, retryAfterMs: number, details?: KkiErrorDetails) {
    super(message, details)
    this.retryAfterMs = retryAfterMs
  }
}

/** Too many pages failed of late, so KKI was not asked; a probe is let through in `retryAfterMs` milliseconds. */
export class KkiBreakerOpen extends KkiError {
  readonly code = 'KKI_BREAKER_OPEN'
  override readonly retryable = true
  readonly retryAfterMs: number

  constructor(message: string, retryAfterMs: number, details?: KkiErrorDetails) {
    super(message, details)
    this.retryAfterMs = retryAfterMs
  }
}

/** A body is larger than `maxBodyBytes` once decompressed. */
export class KkiBodyTooLarge extends KkiError {
  readonly code = 'KKI_BODY_TOO_LARGE'
}

/** A page names a next cursor that this walk has asked for before, or has the rows of an earlier page: going on would never end. */
export class KkiCursorRepeated extends KkiError {
  readonly code = 'KKI_CURSOR_REPEATED'
}

/**
 * Rows have come or gone while counted pages were read, and the place where the walk stood is not found again: going on could
 * skip rows. The walk begins again.
 */
export class KkiListMoved extends KkiError {
  readonly code = 'KKI_LIST_MOVED'
}

/** A walk has more pages than `maxPages`. */
export class KkiTooManyPages extends KkiError {
  readonly code = 'KKI_TOO_MANY_PAGES'
}

/** No access token can be had: KKI refused the client credentials, or there are none. A person must look. */
export class TokenRefreshFailed extends KkiError {
  readonly code = 'TOKEN_REFRESH_FAILED'
}

/** The integrator's module, which the description names, threw or returned something unusable. */
export class KkiModuleFailed extends KkiError {
  readonly code = 'KKI_MODULE_FAILED'
}
