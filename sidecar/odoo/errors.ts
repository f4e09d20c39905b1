import { SdmkError } from '../errors.ts'
import { BodyTooLarge, TooManyCodings } from '../platform/bounded-body.ts'
import { certificateFault, nodeAuthorities } from '../platform/certificate-fault.ts'

/**
 * Why Odoo is unavailable: it cannot be reached or is busy (`away`), does not answer completely in time (`slow`), accepted
 * the call and failed (`failed`), or there is no account to call it with (`account`). The content of a call may be the cause
 * of `slow` and `failed`.
 */
export type Unavailability = 'away' | 'slow' | 'failed' | 'account'

/** Odoo cannot be reached, is too slow, or fails internally; the same call may succeed later. */
export class OdooUnavailable extends SdmkError {
  readonly code = 'ODOO_UNAVAILABLE'
  override readonly retryable = true
  readonly kind: Unavailability
  /** Completes "Odoo …". */
  readonly problem: string

  constructor(kind: Unavailability, problem: string, options?: ErrorOptions) {
    super(`Odoo ${problem}; the call is repeated`, options)
    this.kind = kind
    this.problem = problem
  }
}

/** Odoo's class of the fault for a wrong login or key. */
export const accessDenied = 'odoo.exceptions.AccessDenied'

/** Odoo denies the call: the account lacks the right, or Odoo does not accept the payload. */
export class OdooDenied extends SdmkError {
  readonly code = 'ODOO_DENIED'
  /** Odoo's class of the fault, such as `odoo.exceptions.AccessError`; null if the answer has none. */
  readonly fault: string | null

  constructor(fault: string | null, options?: ErrorOptions) {
    super(`Odoo denies the call${fault === null ? '' : ` (${fault})`}`, options)
    this.fault = fault
  }

  /** True if Odoo does not know the account: with another key the same call may succeed. */
  get isOfAccount(): boolean {
    return this.fault === accessDenied
  }
}

/** The call failed on our side, since its payload cannot be serialised. Odoo was not called. */
export class OdooCallNotMade extends SdmkError {
  readonly code = 'ODOO_CALL_NOT_MADE'

  constructor(options?: ErrorOptions) {
    super('The call could not be prepared; Odoo was not called', options)
  }
}

/**
 * Returns the error of ours for an error of a transport. Errors of sockets, TLS and HTTP parsers have a code. Every other
 * error happened in this process before anything was sent, and repeating the call does not help.
 */
export function translateFailure(error: unknown): OdooUnavailable | OdooCallNotMade {
  if (error instanceof BodyTooLarge || error instanceof TooManyCodings) {
    return new OdooUnavailable('failed', `answers with ${error.message}`)
  }
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && ofContentCoding.test(code)) {
    return new OdooUnavailable('failed', `answers with a body that does not match its Content-Encoding (${code})`)
  }
  if (typeof code !== 'string' || ofProcess.test(code)) return new OdooCallNotMade({ cause: error })
  if (ofCall.test(code)) return new OdooUnavailable('slow', 'breaks off the call', { cause: error })
  const fault = certificateFault(code, { address: 'SDMK_ODOO_URL', authority: nodeAuthorities })
  return new OdooUnavailable('away', fault ?? 'cannot be reached', { cause: error })
}

/** Codes of calls that were interrupted. They also appear if the payload crashes Odoo. */
const ofCall = /^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET|HPE_.*)$/

/** Codes of Node and undici for invalid arguments. */
const ofProcess = /^ERR_(?!TLS_|SSL_|SOCKET_|STREAM_|HTTP2_)|^UND_ERR_(?:INVALID_|NOT_SUPPORTED|REQ_CONTENT_LENGTH)/

/** Codes of gzip and deflate, zstd and brotli, in this order. */
const ofContentCoding = /^(?:Z_|ZSTD_|ERR__ERROR_)/
