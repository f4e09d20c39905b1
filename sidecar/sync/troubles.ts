import type pg from 'pg'
import { type BatchKind, walkKinds } from '../batch-terms.ts'
import { type Batch, batchColumns, batchTables } from './batch.ts'

/**
 * What may be wrong with a batch until a later one makes up for it:
 * - `unreachable`: KKI did not answer, each retry included
 * - `token`: no access token could be had
 * - `clock`: KKI's clock and ours are too far apart, or a watermark is ahead of the present
 * - `failed`: it failed for another reason
 * - `rejected`: it refused many rows, and more of its rows than the setting allows
 * - `held`: it waits for a person
 * - `stuck`: it began hours ago and has not ended
 */
export const troubles = ['unreachable', 'token', 'clock', 'failed', 'rejected', 'held', 'stuck'] as const
export type Trouble = (typeof troubles)[number]

/** Kinds whose rows nobody has refused before: what the desk asks again says nothing new about what KKI sends. */
const judgedKinds: readonly BatchKind[] = [...walkKinds, 'file', 'import']

/** Of fewer refused rows the desk tells; as a share of a small batch they say nothing of what KKI sends. */
const manyRefused = 10

/** True where a batch refused many rows, and more of its rows than the setting allows. */
export function isOverRejectRatio(batch: Batch, rejectAlertRatio: number): boolean {
  const { kind, fetched, rejected } = batch
  return judgedKinds.includes(kind) && rejected >= manyRefused && rejected > fetched * rejectAlertRatio
}

/** Returns for each trouble that there is now the newest batch that is in it. */
export async function readTroubles(
  client: pg.ClientBase | pg.Pool,
  rejectAlertRatio: number
): Promise<Map<Trouble, Batch>> {
  const found = new Map<Trouble, Batch>()
  for (const batch of await readSuspects(client)) {
    const trouble = troubleOf(batch, rejectAlertRatio)
    if (trouble !== null) found.set(trouble, batch)
  }
  return found
}

/**
 * Returns, oldest first, the batches that wait, those that are under way for too long, and those that ended last. A later
 * run of the same kind makes up for an earlier one, and a later walk over all professions for every walk. What ended long
 * ago is history.
 */
async function readSuspects(client: pg.ClientBase | pg.Pool): Promise<Batch[]> {
  const { rows } = await client.query<Batch>(
    `select ${batchColumns} from ${batchTables}
    where b.state = 'held'
      or (kki.is_under_way(b.state) and b.created_at < now() - interval '6 hours')
      or (b.state in ('applied', 'failed') and b.finished_at > now() - interval '7 days' and not exists (
        select from kki.batch later join kki.run lr on lr.id = later.run_id
        where later.run_id > b.run_id and not kki.is_under_way(later.state) and later.state <> 'cancelled'
          and (
            (later.kind = b.kind and lr.professions is not distinct from r.professions)
            or (lr.mode in ('incremental', 'full') and not lr.is_filtered and kki.is_walk(b.kind))
          )))
    order by b.id`
  )
  return rows
}

function troubleOf(batch: Batch, rejectAlertRatio: number): Trouble | null {
  switch (batch.state) {
    case 'held':
      return 'held'
    case 'failed':
      return failures[batch.errorCode ?? ''] ?? 'failed'
    case 'applied':
      return isOverRejectRatio(batch, rejectAlertRatio) ? 'rejected' : null
    default:
      return 'stuck'
  }
}

const failures: Record<string, Trouble> = {
  KKI_UNAVAILABLE: 'unreachable',
  TOKEN_REFRESH_FAILED: 'token',
  KKI_CLOCK: 'clock',
  WATERMARK_AHEAD: 'clock',
  WINDOW_INVERTED: 'clock'
}
