import { certificateFault, nodeAuthorities } from '../platform/certificate-fault.ts'

/** Why one request failed in a way that another one may not. `outage` ends as KKI_UNAVAILABLE, `contract` as KKI_CONTRACT. */
export type AttemptFailureKind = 'outage' | 'contract'

interface AttemptFailureDetails {
  kind: AttemptFailureKind
  /** Completes the sentence "KKI at … "; contains nothing that KKI sent. */
  problem: string
  status?: number
  retryAfterMs?: number | null
  isTimeout?: boolean
  cause?: unknown
}

/** One attempt failed and can be repeated. Used only inside this folder: callers get the error for the last attempt. */
export class AttemptFailed extends Error {
  override readonly name = 'AttemptFailed'
  readonly kind: AttemptFailureKind
  readonly status: number | undefined
  /** The pause of KKI's `Retry-After`; `null` if it has none. */
  readonly retryAfterMs: number | null
  readonly isTimeout: boolean

  constructor({ kind, problem, status, retryAfterMs, isTimeout, cause }: AttemptFailureDetails) {
    super(problem, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.status = status
    this.retryAfterMs = retryAfterMs ?? null
    this.isTimeout = isTimeout ?? false
  }
}

const timeoutCodes = new Set([
  'TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT'
])
const brokenOffCodes = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'Z_BUF_ERROR', 'ERR_STREAM_PREMATURE_CLOSE'])
/** Codes of gzip and deflate, zstd and brotli, in this order. */
const decompressionCodes = /^(?:Z_|ZSTD_|ERR__ERROR_)/

/** Returns the failure for an error of undici, a stream, zlib or a timeout. */
export function failureOf(error: unknown): AttemptFailed {
  const code = codeOf(error)
  if (timeoutCodes.has(code)) {
    return new AttemptFailed({ kind: 'outage', problem: `did not answer in time (${code})`, isTimeout: true })
  }
  if (brokenOffCodes.has(code)) {
    return new AttemptFailed({ kind: 'outage', problem: `interrupted its answer (${code})`, cause: error })
  }
  // These two errors must not be the cause, because they contain parts of the answer, which may be personal data.
  if (code.startsWith('HPE_')) return new AttemptFailed({ kind: 'contract', problem: `does not speak HTTP (${code})` })
  if (decompressionCodes.test(code)) {
    return new AttemptFailed({
      kind: 'contract',
      problem: `sent a body that does not match its Content-Encoding (${code})`
    })
  }
  const problem = certificateFault(code, { address: 'KKI_BASE_URL', authority: nodeAuthorities })
  return new AttemptFailed({ kind: 'outage', problem: problem ?? `cannot be reached (${code})`, cause: error })
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  if (error.name === 'TimeoutError') return 'TIMEOUT'
  if ('code' in error && typeof error.code === 'string') return error.code
  // A host with several addresses: each was tried, and all failed.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  return error.name
}
