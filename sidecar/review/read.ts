import type pg from 'pg'
import type { RejectionCode } from '../transform/codes.ts'

/** A rejected row as Odoo shows it; `occurrences` are its places in the latest batch that had it. */
export interface ReviewRejection {
  id: number
  /** `sdmk`: a row of an imported file. */
  source: 'kki' | 'sdmk'
  code: RejectionCode
  state: 'open' | 'resolved' | 'dismissed' | 'cleared'
  urgent: boolean
  strNumber: string | null
  profession: string | null
  problems: { instancePath: string; params: Record<string, string | number | boolean> }[]
  rule: number | null
  candidates: number[]
  seenCount: number
  firstSeenAt: string
  lastSeenAt: string
  firstBatchId: number
  lastBatchId: number
  /** The time of the latest decision of a person; null if there is none. */
  decidedAt: string | null
  decidedBy: string | null
  decisionReason: string | null
  /** The batch that received a valid row for its last pending row, or that applied the decision. */
  closedByBatchId: number | null
  occurrences: { batchId: number; page: number; pageRow: number; rowNo: number }[]
}

export interface RejectionFilter {
  state?: ReviewRejection['state'] | undefined
  code?: string | undefined
  urgent?: boolean | undefined
  batchId?: number | undefined
  id?: number | undefined
}

/** Most places that are shown for one rejection. A batch may list the same STR a thousand times; the count shows that. */
const shownOccurrences = 20

/** Returns rejections by id; with a batch, only its rejections, with their places in that batch. */
export async function readRejections(
  client: pg.ClientBase | pg.Pool,
  filter: RejectionFilter,
  { after, limit }: { after: number; limit: number }
): Promise<{ items: ReviewRejection[]; next: number | null }> {
  const { rows } = await client.query<
    Omit<ReviewRejection, 'decidedAt'> & { firstSeenAt: Date; lastSeenAt: Date; decidedAt: Date | null }
  >(
    `select r.id, r.source, r.code, r.state, r.urgent, r.str_number as "strNumber", r.profession, r.problems, r.rule,
      coalesce(r.candidates, '{}') as candidates, r.seen_count as "seenCount", r.first_seen_at as "firstSeenAt",
      r.last_seen_at as "lastSeenAt", r.first_batch_id as "firstBatchId", r.last_batch_id as "lastBatchId",
      r.decided_at as "decidedAt", r.decided_by as "decidedBy", r.decision_reason as "decisionReason",
      r.closed_by_batch_id as "closedByBatchId", o.occurrences
    from kki.rejection r
    join lateral (
      select jsonb_agg(jsonb_build_object('batchId', o.batch_id, 'page', o.page, 'pageRow', o.page_row, 'rowNo', o.row_no)
        order by o.row_no) as occurrences
      from (
        select * from kki.rejection_occurrence o
        where o.rejection_id = r.id and o.batch_id = coalesce($5, r.last_batch_id)
        order by o.row_no limit ${shownOccurrences}
      ) o
    ) o on o.occurrences is not null
    where r.id > $1
      and ($2::text is null or r.state = $2)
      and ($3::text is null or r.code = $3)
      and ($4::boolean is null or r.urgent = $4)
      and ($7::bigint is null or r.id = $7)
    order by r.id limit $6`,
    [
      after,
      filter.state ?? null,
      filter.code ?? null,
      filter.urgent ?? null,
      filter.batchId ?? null,
      limit + 1,
      filter.id ?? null
    ]
  )
  const items = rows.slice(0, limit).map(row => ({
    ...row,
    firstSeenAt: row.firstSeenAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null
  }))
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
