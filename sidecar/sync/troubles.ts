import type pg from 'pg'
import { type BatchKind, walkKinds } from '../batch-terms.ts'
import { type Batch, batchColumns, batchTables } from './batch.ts'

/**
 * Troubles of a batch, until a later batch resolves them:
 * - `unreachable`: KKI did not answer, also at each retry
 * - `token`: no access token was available
 * - `clock`: KKI's clock and ours differ too much, or a watermark is ahead of the present
 * - `failed`: it failed for another reason
 * - `rejected`: it rejected many rows, and more of its rows than the setting allows
 * - `held`: it is on hold for a person
 * - `stuck`: it started hours ago and has not ended
 */
export const troubles = ['unreachable', 'token', 'clock', 'failed', 'rejected', 'held', 'stuck'] as const
export type Trouble = (typeof troubles)[number]

/** Kinds with new rows: repeated requests of the review queue show nothing new about KKI's data. */
const evaluatedKinds: readonly BatchKind[] = [...walkKinds, 'file', 'import']

/** Fewer rejected rows cause no alert: as a share of a small batch they show nothing about KKI's data. */
const manyRejected = 10

/** True if a batch rejected many rows, and more of its rows than the setting allows. */
export function isOverRejectRatio(batch: Batch, rejectAlertRatio: number): boolean {
  const { kind, fetched, rejected } = batch
  return evaluatedKinds.includes(kind) && rejected >= manyRejected && rejected > fetched * rejectAlertRatio
}

/** Returns for each present trouble the newest batch that has it. */
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
 * Returns, oldest first, the batches on hold, those under way for too long, and those that ended last. A later run of the
 * same kind resolves the troubles of an earlier one, and a later walk over all professions those of every walk. Batches
 * that ended long ago are ignored.
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
