import type pg from 'pg'
import { type BatchKind, walkKinds } from '../batch-terms.ts'
import { type Batch, batchColumns } from './batch.ts'

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
const judgedKinds: readonly BatchKind[] = [...walkKinds, 'import']

/** Of fewer refused rows the desk tells; as a share of a small batch they say nothing of what KKI sends. */
const manyRefused = 10

/**
 * True where a batch refused many rows, and more of its rows than the setting allows. What a full run fetches last is not
 * judged: it is made of the rows whose profession we do not know, which are refused by their nature; the desk tells of them.
 */
export function isOverRejectRatio(batch: Batch, rejectAlertRatio: number): boolean {
  const { kind, sourceProfessionsCovered, fetched, rejected } = batch
  const isJudged = judgedKinds.includes(kind) && sourceProfessionsCovered === null
  return isJudged && rejected >= manyRefused && rejected > fetched * rejectAlertRatio
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
 * Returns, oldest first, the batches that wait, those that are under way for too long, and of each partition the one that
 * ended last; it has been made up for where a later one walked all partitions. What ended long ago is history: a profession
 * that is no longer asked for has no later batch.
 */
async function readSuspects(client: pg.ClientBase | pg.Pool): Promise<Batch[]> {
  const { rows } = await client.query<Batch>(
    `select ${batchColumns} from kki.batch b
    where b.state = 'held'
      or (kki.is_under_way(b.state) and b.created_at < now() - interval '6 hours')
      or (b.state in ('applied', 'failed') and b.finished_at > now() - interval '7 days' and not exists (
        select from kki.batch later
        where later.id > b.id and not kki.is_under_way(later.state) and later.state <> 'cancelled'
          and (later.partition = b.partition or (later.partition = '*' and later.source_professions_covered is null))))
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
