/** Where Odoo is, and as whom the sidecar speaks to it. */
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
  /** W3C, like the request id for whoever reads both logs. */
  traceparent: string
  /** Aborting it ends the call with the signal's reason. */
  signal: AbortSignal
}

/**
 * Odoo as the relay sees it: one call, one JSON text in. An external call is a transaction of its own there; a call that
 * fails may have been carried out, so what is called must be safe to repeat.
 */
export interface OdooTransport {
  /** Returns what the method returned. @throws OdooUnavailable, OdooRefused, OdooCallNotMade, the reason of the signal */
  call(call: OdooCall): Promise<unknown>
  close(): Promise<void>
}

/**
 * Calls at a time: Odoo's own users come first. Two with people, and one with what operators watch, which is small and
 * must not wait until five thousand people are stored.
 */
export const maxConnections = 3

/**
 * Limit of one answer, decompressed. The largest one is that of the nightly compare: about 100 bytes for 5,000 ids, so
 * this is enough for 200 million. It is small because a JSON text can take twenty times its size once it is parsed.
 */
export const maxAnswerBytes = 4 * 1024 * 1024

/** Statuses by which a server or a proxy in front of it says that it is busy or away. Another error is of the call. */
export function isOfServer(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504
}
