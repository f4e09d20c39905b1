/** Odoo's address, and the account of the sidecar in it. */
export interface OdooConnection {
  baseUrl: string
  database: string
  login: string
  apiKey: string
  /** Limit of one call, from its first byte to the last of its answer. */
  timeoutMs: number
}

export interface OdooCall {
  model: string
  /** A public method of the model that takes one JSON text. */
  method: string
  payload: string
  requestId: string
  /** W3C trace context; like the request id it relates the two logs. */
  traceparent: string
  /** Aborting it ends the call with the signal's reason. */
  signal: AbortSignal
}

/**
 * Odoo from the relay's view: one call with one JSON text. Odoo runs each external call in its own transaction. A call that
 * fails may have been executed, so the called method must be safe to repeat.
 */
export interface OdooTransport {
  /** Returns the result of the method. @throws OdooUnavailable, OdooDenied, OdooCallNotMade, the reason of the signal */
  call(call: OdooCall): Promise<unknown>
  close(): Promise<void>
}

/**
 * Concurrent calls, few because Odoo's own users come first: two with people, and one with the batches and rejections that
 * operators watch, which is small and must not wait until five thousand people are stored.
 */
export const maxConnections = 3

/**
 * Limit of one answer, decompressed. The largest one is that of the nightly compare: about 100 bytes for 5,000 ids, so
 * this is enough for 200 million. It is small because a JSON text can take twenty times its size once it is parsed.
 */
export const maxAnswerBytes = 4 * 1024 * 1024

/** Statuses of a server, or of a proxy in front of it, that is busy or unavailable. Other errors concern the call. */
export function isOfServer(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504
}
