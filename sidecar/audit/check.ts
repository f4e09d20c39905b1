import type pg from 'pg'
import { inTransaction, oneMomentReadOnly } from '../platform/transaction.ts'
import type { ChainContext } from './append.ts'
import { eventText, type Head } from './link.ts'
import { addFinding, type ChainedEvent, type Verdict, verifyChain } from './verify.ts'

const linksAtATime = 5000

/** Verifies the chain of this database, and that it covers every event; all in one snapshot. */
export function verifyDatabase(
  pool: pg.Pool,
  keys: ChainContext['keys'],
  heads: readonly Head[] = []
): Promise<Verdict> {
  const work = async (client: pg.ClientBase) => {
    const verdict = await verifyChain(readLinks(client), keys, heads)
    const { rows } = await client.query<{ id: number; isGone: boolean }>(
      `select e.id, false as "isGone" from kki.audit_event e
      where not exists (select from kki.audit_chain c where c.event_id = e.id)
        and not exists (select from kki.audit_unchained u where u.event_id = e.id)
      union all
      select u.event_id, true from kki.audit_unchained u
      where not exists (select from kki.audit_event e where e.id = u.event_id)
      order by 1`
    )
    for (const { id, isGone } of rows) addFinding(verdict, isGone ? 'EVENT_MISSING' : 'EVENT_UNLINKED', null, id)
    return verdict
  }
  return inTransaction(pool, work, oneMomentReadOnly)
}

/** Yields the links in their order, each with its event. */
export async function* readLinks(client: pg.ClientBase): AsyncGenerator<ChainedEvent> {
  for (let after = 0; ; ) {
    const { rows } = await client.query<ChainedEvent>(
      `select c.seq, c.event_id as "eventId", encode(c.event_hash, 'hex') as "eventHash", encode(c.hash, 'hex') as hash,
        c.key_id as "keyId",
        case when e.id is not null then ${eventText} end as event
      from kki.audit_chain c left join kki.audit_event e on e.id = c.event_id
      where c.seq > $1 order by c.seq limit $2`,
      [after, linksAtATime]
    )
    yield* rows
    const last = rows.at(-1)
    if (!last || rows.length < linksAtATime) return
    after = last.seq
  }
}

/**
 * Verifies the chain, against the link that this process remembers, and stores the findings for the metric behind the
 * alert.
 */
export async function checkChain({ database: { pool }, keys, logger, memory }: ChainContext): Promise<void> {
  const { events, findings, first, head } = await verifyDatabase(pool, keys, memory.head ? [memory.head] : [])
  if (findings === 0) memory.head = head
  await pool.query(
    `insert into kki.audit_check (events, findings) values ($1, $2)
    on conflict (is_last) do update set checked_at = now(), events = excluded.events, findings = excluded.findings`,
    [events, findings]
  )
  if (findings > 0)
    logger.error(
      { events, findings, first: first.slice(0, 10) },
      'the audit chain is broken: audit events were changed or removed'
    )
  else logger.info({ events }, 'the audit chain is intact')
}
