import { hash } from 'node:crypto'

/** How far the chain goes: the number of its last link, and that link's hash in hex. */
export interface Head {
  seq: number
  hash: string
}

/** A link of the chain, over one event and all links before it. */
export interface Link extends Head {
  eventId: number
  /** SHA-256 of the event's text, hex. */
  eventHash: string
}

/** What stands before the first link. */
export const origin = '0'.repeat(64)

/** An event with all that it says as one text, which is what is hashed; `e` is the table's alias. */
export const eventText = `json_build_array(
    e.id, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.action, e.actor, e.api_key_id, e.run_id,
    e.batch_id, e.request_id, e.trace_id, e.detail
  )::text`

/** Returns the hash of an event. */
export function hashEvent(text: string): string {
  return hash('sha256', text)
}

/** Returns the hash of a link that follows the one with the hash `previous`. */
export function hashLink(previous: string, { seq, eventId, eventHash }: Omit<Link, 'hash'>): string {
  return hash('sha256', `${previous} ${seq} ${eventId} ${eventHash}`)
}
