import { createHmac, hash, type KeyObject } from 'node:crypto'
import type { AuditHead } from '../identity/keys.ts'

/** The end of the chain: the number of its last link, and that link's hash in hex. */
export type Head = AuditHead

/** A link of the chain, over one event and all links before it. */
export interface Link extends Head {
  eventId: number
  /** SHA-256 of the event's text, hex. */
  eventHash: string
  /** Id of the key that signs it. */
  keyId: number
}

/** The head of an empty chain, which the first link follows. */
export const origin = '0'.repeat(64)

/** An event with all its fields as one text, which is hashed; `e` is the table's alias. */
export const eventText = `json_build_array(
    e.id, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.action, e.actor, e.api_key_id, e.run_id,
    e.batch_id, e.request_id, e.trace_id, e.detail
  )::text`

/** Returns the hash of an event. */
export function hashEvent(text: string): string {
  return hash('sha256', text)
}

/**
 * Returns the hash of a link that follows the one with the hash `previous`: HMAC-SHA-256, so that write access to the
 * database is not enough to forge a chain.
 */
export function hashLink(
  key: KeyObject,
  previous: string,
  { seq, eventId, eventHash }: Pick<Link, 'seq' | 'eventId' | 'eventHash'>
): string {
  return createHmac('sha256', key).update(`${previous} ${seq} ${eventId} ${eventHash}`).digest('hex')
}
