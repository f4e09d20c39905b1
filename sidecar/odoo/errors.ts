import { SdmkError } from '../errors.ts'
import { BodyTooLarge, TooManyCodings } from '../platform/bounded-body.ts'

/**
 * Why Odoo is unavailable: it cannot be reached or is busy (`away`), does not answer in time or to the end (`slow`), took the call and
 * failed over it (`failed`), or there is no account to call it with (`account`). A call that is slow or failed may be so
 * for what was sent.
 */
export type Unavailability = 'away' | 'slow' | 'failed' | 'account'

/** Odoo cannot be reached, is too slow, or fails by itself; the same call may succeed later. */
export class OdooUnavailable extends SdmkError {
  readonly code = 'ODOO_UNAVAILABLE'
  override readonly retryable = true
  readonly kind: Unavailability

  constructor(kind: Unavailability, problem: string, options?: ErrorOptions) {
    super(`Odoo ${problem}; the call is repeated`, options)
    this.kind = kind
  }
}

/** Odoo's class of the fault where login or key are not right. */
export const accessDenied = 'odoo.exceptions.AccessDenied'

/** Odoo refuses the call: the account may not make it, or what was sent is not what it takes. */
export class OdooRefused extends SdmkError {
  readonly code = 'ODOO_REFUSED'
  /** Odoo's class of the fault, such as `odoo.exceptions.AccessError`; null where it does not say. */
  readonly fault: string | null

  constructor(fault: string | null, options?: ErrorOptions) {
    super(`Odoo refuses the call${fault === null ? '' : ` (${fault})`}`, options)
    this.fault = fault
  }

  /** True where Odoo does not know the account, whatever it was asked: with another key the same call may succeed. */
  get isOfAccount(): boolean {
    return this.fault === accessDenied
  }
}

/** A call could not be made on our side: what was to be sent cannot be written down. Odoo was not asked. */
export class OdooCallNotMade extends SdmkError {
  readonly code = 'ODOO_CALL_NOT_MADE'

  constructor(options?: ErrorOptions) {
    super('The call of Odoo could not be made; Odoo was not asked', options)
  }
}

/**
 * Returns what an error of a transport means. Sockets, TLS and HTTP parsers put a code on theirs. Everything else happened
 * in the process itself, before anything was sent, and repeating it does not help.
 */
export function translateFailure(error: unknown): OdooUnavailable | OdooCallNotMade {
  if (error instanceof BodyTooLarge || error instanceof TooManyCodings) {
    return new OdooUnavailable('failed', `answers with ${error.message}`)
  }
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && ofContentCoding.test(code)) {
    return new OdooUnavailable('failed', `answers with a body that does not fit its Content-Encoding (${code})`)
  }
  if (typeof code !== 'string' || ofProcess.test(code)) return new OdooCallNotMade({ cause: error })
  return ofCall.test(code)
    ? new OdooUnavailable('slow', 'breaks off the call', { cause: error })
    : new OdooUnavailable('away', 'cannot be reached', { cause: error })
}

/** Codes of calls that were under way. Odoo also ends them so where it dies of what was sent. */
const ofCall = /^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET|HPE_.*)$/

/** Codes of Node and undici for arguments that they do not take. */
const ofProcess = /^ERR_(?!TLS_|SSL_|SOCKET_|STREAM_|HTTP2_)|^UND_ERR_(?:INVALID_|NOT_SUPPORTED|REQ_CONTENT_LENGTH)/

/** Codes of gzip and deflate, zstd and brotli, in this order. */
const ofContentCoding = /^(?:Z_|ZSTD_|ERR__ERROR_)/
