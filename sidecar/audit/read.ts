import type pg from 'pg'
import { eventText } from './link.ts'

/** An audit event as auditors see it. */
export interface StoredEvent {
  id: number
  at: Date
  action: string
  actor: string
  apiKeyId: number | null
  runId: number | null
  batchId: number | null
  requestId: string | null
  traceId: string | null
  detail: Record<string, unknown>
  /** Its place in the chain and the hash of its link; null while it waits for one. */
  link: { seq: number; hash: string } | null
}

export interface EventFilter {
  action?: string
  actor?: string
  runId?: number
  batchId?: number
  requestId?: string
  traceId?: string
  since?: Date | undefined
  until?: Date | undefined
}

/** Returns events, newest first; `before` is the id of the last one of the page before, or 0. */
export async function readEvents(
  pool: pg.Pool,
  filter: EventFilter,
  { before, limit }: { before: number; limit: number }
): Promise<StoredEvent[]> {
  const { action, actor, runId, batchId, requestId, traceId, since, until } = filter
  const { rows } = await pool.query<StoredEvent>(
    `select e.id, e.at, e.action, e.actor, e.api_key_id as "apiKeyId", e.run_id as "runId", e.batch_id as "batchId",
      e.request_id as "requestId", e.trace_id as "traceId", e.detail,
      case when c.seq is not null then jsonb_build_object('seq', c.seq, 'hash', encode(c.hash, 'hex')) end as link
    from kki.audit_event e left join kki.audit_chain c on c.event_id = e.id
    where ($1::bigint = 0 or e.id < $1)
      and ($3::text is null or e.action = $3) and ($4::text is null or e.actor = $4)
      and ($5::bigint is null or e.run_id = $5) and ($6::bigint is null or e.batch_id = $6)
      and ($7::text is null or e.trace_id = $7) and ($8::text is null or e.request_id = $8)
      and ($9::timestamptz is null or e.at >= $9) and ($10::timestamptz is null or e.at < $10)
    order by e.id desc limit $2`,
    [before, limit, action, actor, runId, batchId, traceId, requestId, since, until]
  )
  return rows
}

/** The result of the last verification of the chain. */
export interface ChainCheck {
  checkedAt: Date
  events: number
  findings: number
  /** Heads that Odoo had noted and that were not in the chain. */
  odooDiffering: number
}

/** Returns the result of the last verification of the chain; null before the first one. */
export async function readCheck(client: pg.ClientBase | pg.Pool): Promise<ChainCheck | null> {
  const { rows } = await client.query<ChainCheck>(
    `select checked_at as "checkedAt", events, findings, odoo_differing as "odooDiffering" from kki.audit_check`
  )
  return rows[0] ?? null
}

/** An event with its link, so that both hashes can be recomputed. */
export interface ProvenEvent extends StoredEvent {
  /** The text whose SHA-256 is `eventHash`. */
  text: string
  proof: { seq: number; eventHash: string; previousHash: string | null; hash: string; keyId: number } | null
}

/** Returns the events of a batch and of its run, oldest first, each with the proof of its link. */
export async function readProvenEvents(
  client: pg.ClientBase | pg.Pool,
  { batchId, runId }: { batchId: number; runId: number }
): Promise<ProvenEvent[]> {
  const { rows } = await client.query<ProvenEvent>(
    `select e.id, e.at, e.action, e.actor, e.api_key_id as "apiKeyId", e.run_id as "runId", e.batch_id as "batchId",
      e.request_id as "requestId", e.trace_id as "traceId", e.detail,
      case when c.seq is not null then jsonb_build_object('seq', c.seq, 'hash', encode(c.hash, 'hex')) end as link,
      ${eventText} as text,
      case when c.seq is not null then jsonb_build_object('seq', c.seq, 'eventHash', encode(c.event_hash, 'hex'),
        'previousHash', encode(p.hash, 'hex'), 'hash', encode(c.hash, 'hex'), 'keyId', c.key_id) end as proof
    from kki.audit_event e
    left join kki.audit_chain c on c.event_id = e.id
    left join kki.audit_chain p on p.seq = c.seq - 1
    where e.batch_id = $1 or (e.run_id = $2 and e.batch_id is null)
    order by e.id`,
    [batchId, runId]
  )
  return rows
}
