import type { FastifyBaseLogger } from 'fastify'
import type { AuditKey, IdentityKeys } from '../identity/keys.ts'
import type { Database, Transaction } from '../platform/database.ts'
import { isLink, readHead } from './head.ts'
import { eventText, type Head, hashEvent, hashLink, type Link, origin } from './link.ts'

/** Links added in one transaction. */
const linksAtATime = 1000

export interface ChainContext {
  database: Database
  keys: Pick<IdentityKeys, 'auditKey' | 'auditHeads'>
  logger: FastifyBaseLogger
  /** The last link that this process remembers; a person who can change the database cannot change it. */
  memory: { head: Head | null }
}

/**
 * Adds a link to the chain for every committed event without one. One process does this at a time; the others skip it
 * meanwhile. The new head is written to the log, which a person who can change the database cannot change.
 */
export async function chainEvents({ database, keys, logger, memory }: ChainContext): Promise<void> {
  memory.head ??= await readHead(database.pool)
  for (;;) {
    const key = await keys.auditKey(null)
    if (key === null) throw new TypeError('no current audit key')
    const { made, head, isLonger } = await database.withTransaction(client => appendLinks(client, key, memory.head))
    // If the chain no longer has the remembered link, it stays remembered, so that the next check reports it.
    if (isLonger) memory.head = head
    if (made > 0) logger.info({ audit_head: head }, 'audit events were added to the chain')
    if (made < linksAtATime) return
  }
}

interface Appended {
  made: number
  head: Head | null
  /** Whether the chain had the remembered link before the new ones were added. */
  isLonger: boolean
}

const nothing: Appended = { made: 0, head: null, isLonger: false }

async function appendLinks(
  client: Transaction,
  { id: keyId, key }: AuditKey,
  remembered: Head | null
): Promise<Appended> {
  const { rows: locks } = await client.query<{ isOurs: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('sdmk audit chain', 0)) as "isOurs"`
  )
  if (!locks[0]?.isOurs) return nothing
  const { rows: events } = await client.query<{ id: number; text: string }>(
    `with next as (select event_id from kki.audit_unchained order by event_id limit $1)
    delete from kki.audit_unchained u using next, kki.audit_event e
    where u.event_id = next.event_id and e.id = u.event_id
    returning e.id, ${eventText} as text`,
    [linksAtATime]
  )
  if (events.length === 0) return nothing
  const isLonger = remembered === null || (await isLink(client, remembered))
  let head = (await readHead(client)) ?? { seq: 0, hash: origin }
  const links = events
    .sort((a, b) => a.id - b.id)
    .map(({ id, text }): Link => {
      const link = { seq: head.seq + 1, eventId: id, eventHash: hashEvent(text), keyId }
      head = { seq: link.seq, hash: hashLink(key, head.hash, link) }
      return { ...link, hash: head.hash }
    })
  await client.query(
    `insert into kki.audit_chain (seq, event_id, event_hash, hash, key_id)
    select seq, event_id, decode(event_hash, 'hex'), decode(hash, 'hex'), $5
    from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) as l (seq, event_id, event_hash, hash)`,
    [links.map(l => l.seq), links.map(l => l.eventId), links.map(l => l.eventHash), links.map(l => l.hash), keyId]
  )
  client.notifyOdoo({ auditHead: true })
  return { made: links.length, head, isLonger }
}
