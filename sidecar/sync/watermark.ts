import type pg from 'pg'
import type { Batch } from './batch.ts'

/** The partition of a walk over all professions. */
export const allProfessions = '*'

/**
 * Returns the time up to which all that KKI stamped is stored for this partition, or null where nothing is known. What is
 * stored for all professions is stored for each.
 */
export async function readWatermark(client: pg.ClientBase | pg.Pool, partition: string): Promise<Date | null> {
  const { rows } = await client.query<{ position: Date | null }>(
    'select max(position) as position from kki.watermark where partition in ($1, $2)',
    [partition, allProfessions]
  )
  return rows[0]?.position ?? null
}

/**
 * Moves the watermark of an applied batch's partition to the end of its window, within the transaction that applies it;
 * never back, and not at all where the window starts after it, since what lies between is then not stored. The rest of a full
 * run moves none: it passes over what the other batches walk, of which the census says when all is stored.
 */
export async function advanceWatermark(client: pg.ClientBase, batch: Batch): Promise<void> {
  if (batch.windowUntil === null || batch.sourceProfessionsCovered !== null) return
  const position = await readWatermark(client, batch.partition)
  const leavesGap = batch.windowSince !== null && (position === null || batch.windowSince > position)
  if (leavesGap) return
  // What KKI had yet to stamp when it was asked is not stored, however far the window reaches.
  const { windowUntil: until, sourceTime } = batch
  const seen = sourceTime !== null && sourceTime < until ? sourceTime : until
  await setWatermark(client, batch.partition, seen, batch.id)
}

/** Moves a watermark forward to `position`; one that is further already stays. */
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
    where watermark.position < excluded.position`,
    [partition, position, batchId]
  )
}
