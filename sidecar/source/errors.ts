import { SdmkError } from '../errors.ts'

/** Details of a failed call: `page` counts from 1 within its walk; `null` means that it does not apply. */
export interface KkiErrorDetails {
  status?: number | undefined
  attempts?: number | undefined
  page?: number | undefined
  cause?: unknown
}

/** The base of every error of the KKI client. `attempts` counts those of this page, `null` if it was not retried. */
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

/**
 * KKI could not be reached, did not answer in time, interrupted its answer, or answered 408, 429 or 5xx, also at each
 * retry.
 */
export class KkiUnavailable extends KkiError {
  readonly code = 'KKI_UNAVAILABLE'
  override readonly retryable = true
}

/**
 * KKI's answer violates the contract, also at each retry: broken JSON, no data array, no `Date`; or a row in an otherwise
 * valid page is not JSON.
 */
export class KkiContractBroken extends KkiError {
  readonly code = 'KKI_CONTRACT'
}

/**
 * KKI's clock and ours differ too much to know until when its data is complete. Not repeated, because clocks do not become
 * right within seconds.
 */
export class KkiClockWrong extends KkiError {
  readonly code = 'KKI_CLOCK'
}

/** KKI denied the request itself (400, 403, 404); repeating it unchanged does not help. */
export class KkiDenied extends KkiError {
  readonly code: string = 'KKI_DENIED'
}

/** KKI denied a token that it had just issued: the token is sent in another way than KKI expects, or is for something else. */
export class KkiTokenDenied extends KkiDenied {
  override readonly code = 'KKI_TOKEN_DENIED'
}

/**
 * KKI's token endpoint returned neither a token nor an answer about the credentials: a redirect, 403, 404. Not a KkiDenied,
 * because the status tells nothing about the requested page or STR.
 */
export class KkiTokenMissing extends KkiError {
  readonly code = 'KKI_DENIED'
}

/** KKI requires a longer pause than a call may wait; repeat the call after `retryAfterMs` milliseconds. */
export class KkiRetryLater extends KkiError {
  readonly code = 'KKI_RETRY_LATER'
  override readonly retryable = true
  readonly retryAfterMs: number

  constructor(message: string, retryAfterMs: number, details?: KkiErrorDetails) {
    super(message, details)
    this.retryAfterMs = retryAfterMs
  }
}

/** Too many recent pages failed, so KKI was not called; the next probe is allowed in `retryAfterMs` milliseconds. */
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

/**
 * A page names a next cursor that this walk has already used, or has the rows of an earlier page: the walk would never
 * end.
 */
export class KkiCursorRepeated extends KkiError {
  readonly code = 'KKI_CURSOR_REPEATED'
}

/**
 * Rows were added or removed while counted pages were read, and the walk's position is not found any more: continuing could
 * skip rows. The walk starts again.
 */
export class KkiListMoved extends KkiError {
  readonly code = 'KKI_LIST_MOVED'
}

/** A walk has more pages than `maxPages`. */
export class KkiTooManyPages extends KkiError {
  readonly code = 'KKI_TOO_MANY_PAGES'
}

/** No access token is available: KKI denied the client credentials, or there are none. A person must fix it. */
export class TokenRefreshFailed extends KkiError {
  readonly code = 'TOKEN_REFRESH_FAILED'
}

/** The integrator's module, which the description names, threw or returned something unusable. */
export class KkiModuleFailed extends KkiError {
  readonly code = 'KKI_MODULE_FAILED'
}
