import type pg from 'pg'
import type { Batch } from './batch.ts'

/** The partition of a walk over all professions. */
export const allProfessions = '*'

/** A stored watermark. */
export interface Watermark {
  partition: string
  position: Date
  /** Later than the clock of the database: a clock was wrong when it was moved, or is wrong now. */
  isAhead: boolean
  movedAt: Date
  batchId: number
}

const columns = 'partition, position, position > now() as "isAhead", moved_at as "movedAt", batch_id as "batchId"'

/** Returns every watermark, that of all professions first. */
export async function listWatermarks(client: pg.ClientBase | pg.Pool): Promise<Watermark[]> {
  const { rows } = await client.query<Watermark>(`select ${columns} from kki.watermark order by partition`)
  return rows
}

/**
 * Returns the latest watermark that counts for a partition: up to there all that KKI stamped is stored. What is stored for
 * all professions is stored for each. One that is ahead of the present says nothing: it is returned where there is no other.
 * The clock is the database's, since that is the same for every process. Null where nothing is known.
 */
export async function readWatermark(client: pg.ClientBase | pg.Pool, partition: string): Promise<Watermark | null> {
  const { rows } = await client.query<Watermark>(
    `select ${columns} from kki.watermark where partition in ($1, $2) order by position > now(), position desc limit 1`,
    [partition, allProfessions]
  )
  return rows[0] ?? null
}

/**
 * Moves the watermark of an applied batch's partition to the end of its window, within the transaction that applies it;
 * never back, and not at all where the window starts after it, since what lies between is then not stored. The rest of a full
 * run moves none: it passes over what the other batches walk, of which the census says when all is stored.
 */
export async function advanceWatermark(client: pg.ClientBase, batch: Batch): Promise<void> {
  const until = knownUntil(batch)
  if (until === null || batch.sourceProfessionsCovered !== null) return
  const watermark = await readWatermark(client, batch.partition)
  const isKnown = watermark !== null && !watermark.isAhead
  const leavesGap = batch.windowSince !== null && !(isKnown && batch.windowSince <= watermark.position)
  if (leavesGap) return
  await setWatermark(client, batch.partition, until, batch.id)
}

/**
 * Returns up to when a batch has seen all that KKI stamped; null where it has no window. What KKI had yet to stamp when it
 * was asked is not stored, however far the window reaches.
 */
export function knownUntil({
  windowUntil,
  sourceTime,
  fetchStartedAt,
  fetchedAt
}: Pick<Batch, 'windowUntil' | 'sourceTime' | 'fetchStartedAt' | 'fetchedAt'>): Date | null {
  if (windowUntil === null) return null
  const seen = sourceTime !== null && sourceTime < windowUntil ? sourceTime : windowUntil
  // Earlier versions took KKI's clock as it was; a batch of theirs may have been held since.
  return fetchedAt !== null && fetchStartedAt !== null && seen > fetchedAt ? fetchStartedAt : seen
}

/** Moves a watermark forward to `position`; one that is further already stays, unless it is ahead of the present. */
export async function setWatermark(
  client: pg.ClientBase,
  partition: string,
  position: Date,
  batchId: number
): Promise<void> {
  await client.query(
    `insert into kki.watermark (partition, position, batch_id) values ($1, $2, $3)
    on conflict on constraint watermark_pkey do update
    set position = excluded.position, batch_id = excluded.batch_id, moved_at = now()
    where watermark.position < excluded.position or watermark.position > now()`,
    [partition, position, batchId]
  )
}
