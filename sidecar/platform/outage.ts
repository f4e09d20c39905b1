import { DatabaseUnavailable, SecretStoreUnavailable } from './errors.ts'

/** Codes of Node and its libraries for sockets and name resolution. */
const network = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'],
  ...['ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN']
])

/**
 * Codes of PostgreSQL while it cannot work at all: connections (08), login (28), resources except memory, which one
 * statement can use up (53), shutdown and start (57P), input and output (58), and a primary that has become a standby
 * (25006).
 */
const server = /^(?:08...|28...|53[134]..|530..|57P0.|58...|25006)$/

/** Messages of pg that have no code. */
const lostConnection =
  /^(?:Connection terminated|Client (?:has encountered|was closed)|timeout exceeded when trying to connect|Query read timeout)/

/**
 * True if the database or the store of secrets was unavailable, or a connection broke, so that the same work may succeed
 * later. False for errors that one row or one statement can cause.
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable || error instanceof SecretStoreUnavailable) return true
  if (error instanceof AggregateError) return error.errors.some(isOutage)
  if (!(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return network.has(code) || server.test(code)
  return lostConnection.test(error.message)
}
