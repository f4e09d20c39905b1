import type { KeyObject } from 'node:crypto'
import type { ChainContext } from './append.ts'
import { type Head, hashEvent, hashLink, type Link, origin } from './link.ts'

/** A link, and its event in its present state; null if the event was removed. */
export interface ChainedEvent extends Link {
  event: string | null
}

export interface Finding {
  code:
    | 'EVENT_CHANGED'
    | 'EVENT_MISSING'
    | 'EVENT_UNLINKED'
    | 'LINK_CHANGED'
    | 'LINK_MISSING'
    | 'KEY_UNKNOWN'
    | 'CUT_OFF'
    | 'HEAD_DIFFERS'
  /** Number of the link; null if the event has none. */
  seq: number | null
  /** Null if it is unknown. */
  eventId: number | null
}

export interface Verdict {
  /** Links that were checked. */
  events: number
  head: Head | null
  /** The number of all findings; the list is cut. */
  findings: number
  first: Finding[]
}

const mostFindings = 100

/**
 * Walks a chain from its first link and reports each place that was changed. One finding hides no other: after a link
 * that does not follow, the walk continues from the stored hash.
 *
 * @param keys those that signed the links
 * @param elsewhere ends of the chain that were noted elsewhere. Only these reveal a chain that was cut off, or written
 *   again by somebody who has the current key.
 */
export async function verifyChain(
  links: AsyncIterable<ChainedEvent>,
  keys: ChainContext['keys'],
  elsewhere: readonly Head[] = []
): Promise<Verdict> {
  const heads = [...keys.auditHeads(), ...elsewhere]
  const known = new Map<number, KeyObject | null>()
  const verdict: Verdict = { events: 0, head: null, findings: 0, first: [] }
  const add = (code: Finding['code'], seq: number | null, eventId: number | null) =>
    addFinding(verdict, code, seq, eventId)
  const noted = Map.groupBy(heads, head => head.seq)
  let previous: Head = { seq: 0, hash: origin }
  for await (const link of links) {
    const { seq, eventId, event, keyId } = link
    let key = known.get(keyId)
    if (key === undefined) {
      key = (await keys.auditKey(keyId))?.key ?? null
      known.set(keyId, key)
    }
    verdict.events++
    if (seq > previous.seq + 1) add('LINK_MISSING', previous.seq + 1, null)
    // After a gap the previous hash is missing, so only the link's event can be checked.
    if (key === null) add('KEY_UNKNOWN', seq, eventId)
    else if (seq === previous.seq + 1 && hashLink(key, previous.hash, link) !== link.hash)
      add('LINK_CHANGED', seq, eventId)
    if (event === null) add('EVENT_MISSING', seq, eventId)
    else if (hashEvent(event) !== link.eventHash) add('EVENT_CHANGED', seq, eventId)
    if (noted.get(seq)?.some(({ hash }) => hash !== link.hash)) add('HEAD_DIFFERS', seq, eventId)
    previous = { seq, hash: link.hash }
  }
  verdict.head = previous.seq > 0 ? previous : null
  for (const { seq } of heads) if (seq > previous.seq) add('CUT_OFF', seq, null)
  return verdict
}

/** Adds a finding. */
export function addFinding(verdict: Verdict, code: Finding['code'], seq: number | null, eventId: number | null): void {
  verdict.findings++
  if (verdict.first.length < mostFindings) verdict.first.push({ code, seq, eventId })
}
