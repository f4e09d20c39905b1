import type pg from 'pg'
import type { Caller } from '../audit/record.ts'
import type { Identity } from '../identity/keys.ts'
import type { JobQueue } from '../platform/queue.ts'
import type { RejectionCode } from '../transform/codes.ts'
import type { Mapping } from '../transform/mapping.ts'
import type { RowReader } from '../transform/row-reader.ts'
import { RejectionNotFound, RejectionStateConflict } from './errors.ts'

/** Dependencies to plan rows again. */
export interface ReviewContext {
  queue: JobQueue
  identity: Identity
  /** Reader for rows of KKI's API. */
  mapping: Mapping
  reader: RowReader
  /** How far ahead of our clock KKI's stamp may be. */
  maxSkewSeconds: number
}

/** The actor and the trigger; `schedule` is the sidecar itself. */
export interface ReviewCaller extends Caller {
  triggeredBy: 'schedule' | 'operator' | 'api' | 'command'
}

export type RejectionSource = 'kki' | 'sdmk'

/** Selects open rejections: the listed ones, or those that match. */
export interface Selection {
  ids?: readonly number[] | undefined
  code?: RejectionCode | undefined
  batchId?: number | undefined
  /** The source of the rows: KKI, or SDMK's own files. */
  source?: RejectionSource | undefined
  /** Only rejections after this id, to continue an earlier call. */
  after?: number | undefined
  limit: number
}

export interface Selected {
  ids: number[]
  /** Pass as `after` to continue; null if all were processed. */
  next: number | null
}

/** Returns the open rejections of a selection by id, locked for the caller's transaction. */
export async function selectOpen(
  client: pg.ClientBase,
  { ids, code, batchId, source, after, limit }: Selection
): Promise<Selected> {
  const { rows } = await client.query<{ id: number }>(
    `select r.id from kki.rejection r
    where r.state = 'open' and r.id > $1
      and ($2::bigint[] is null or r.id = any ($2))
      and ($3::text is null or r.code = $3)
      and ($4::bigint is null or exists (
        select from kki.rejection_occurrence o where o.rejection_id = r.id and o.batch_id = $4
      ))
      and ($6::text is null or r.source = $6)
    order by r.id limit $5
    for update`,
    [after ?? 0, ids ?? null, code ?? null, batchId ?? null, limit + 1, source ?? null]
  )
  const found = rows.slice(0, limit).map(({ id }) => id)
  return { ids: found, next: rows.length > limit ? (found.at(-1) ?? null) : null }
}

export interface LockedRejection {
  id: number
  source: RejectionSource
  code: RejectionCode
  subject: string
  strNumber: string | null
}

/** Returns the rejection, its row locked for the caller's transaction. @throws RejectionNotFound, RejectionStateConflict */
export async function lockRejection(
  client: pg.ClientBase,
  id: number,
  needed: 'open' | 'dismissed' = 'open'
): Promise<LockedRejection> {
  const { rows } = await client.query<LockedRejection & { state: string }>(
    `select id, source, code, subject, str_number as "strNumber", state from kki.rejection where id = $1 for update`,
    [id]
  )
  if (!rows[0]) throw new RejectionNotFound(id)
  if (rows[0].state !== needed) throw new RejectionStateConflict(id, rows[0].state, needed)
  return rows[0]
}
