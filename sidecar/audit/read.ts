import type pg from 'pg'

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
  const { action, actor, runId, batchId, traceId, since, until } = filter
  const { rows } = await pool.query<StoredEvent>(
    `select e.id, e.at, e.action, e.actor, e.api_key_id as "apiKeyId", e.run_id as "runId", e.batch_id as "batchId",
      e.request_id as "requestId", e.trace_id as "traceId", e.detail,
      case when c.seq is not null then jsonb_build_object('seq', c.seq, 'hash', encode(c.hash, 'hex')) end as link
    from kki.audit_event e left join kki.audit_chain c on c.event_id = e.id
    where ($1::bigint = 0 or e.id < $1)
      and ($3::text is null or e.action = $3) and ($4::text is null or e.actor = $4)
      and ($5::bigint is null or e.run_id = $5) and ($6::bigint is null or e.batch_id = $6)
      and ($7::text is null or e.trace_id = $7)
      and ($8::timestamptz is null or e.at >= $8) and ($9::timestamptz is null or e.at < $9)
    order by e.id desc limit $2`,
    [before, limit, action, actor, runId, batchId, traceId, since, until]
  )
  return rows
}
