import { DatabaseUnavailable, SecretStoreUnavailable } from './errors.ts'

/** Of sockets and name resolution, as Node and its libraries name them. */
const network = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'],
  ...['ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN']
])

/**
 * What PostgreSQL answers while it cannot work at all: connections (08), login (28), resources but for memory, which one
 * statement can use up (53), shutdown and start (57P), input and output (58), and a primary that has become a standby (25006).
 */
const server = /^(?:08...|28...|53[134]..|530..|57P0.|58...|25006)$/

/** pg gives these no code. */
const lostConnection =
  /^(?:Connection terminated|Client (?:has encountered|was closed)|timeout exceeded when trying to connect|Query read timeout)/

/**
 * True where the database or the store of secrets was away, or a connection broke, so that the same work may succeed later.
 * An error that one row or one statement can bring about is none.
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable || error instanceof SecretStoreUnavailable) return true
  if (error instanceof AggregateError) return error.errors.some(isOutage)
  if (!(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return network.has(code) || server.test(code)
  return lostConnection.test(error.message)
}
