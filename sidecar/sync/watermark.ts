import type pg from 'pg'

/** The time up to which all rows of KKI are stored, by KKI's stamps. */
export interface Watermark {
  position: Date
  /** Later than the clock of the database: a clock was wrong when it was moved, or is wrong now. */
  isAhead: boolean
  movedAt: Date
  /** The run that moved it; null if a person did. */
  runId: number | null
}

const integration = 'kki'

/**
 * Returns the watermark; null if no run has stored everything yet. The clock is the database's, which all processes
 * share.
 */
export async function readWatermark(client: pg.ClientBase | pg.Pool): Promise<Watermark | null> {
  const { rows } = await client.query<Watermark>(
    `select position, position > now() as "isAhead", moved_at as "movedAt", run_id as "runId"
    from kki.watermark where integration = $1`,
    [integration]
  )
  return rows[0] ?? null
}

/** The window and the clock of a run. */
export interface Walked {
  runId: number
  windowSince: Date | null
  windowUntil: Date | null
  sourceTime: Date | null
}

/**
 * Moves the watermark to the end of a run's window, within the transaction that applies its last batch. It never moves back,
 * and does not move if the window starts after it, because the rows in between are then not stored.
 */
export async function advanceWatermark(client: pg.ClientBase, walked: Walked): Promise<void> {
  const { windowSince, windowUntil, sourceTime } = walked
  if (windowUntil === null) return
  const watermark = await readWatermark(client)
  const isKnown = watermark !== null && !watermark.isAhead
  const leavesGap = windowSince !== null && !(isKnown && windowSince <= watermark.position)
  if (leavesGap) return
  // Never past KKI's clock at the start, because later rows are not stored even if the window includes them.
  const until = sourceTime !== null && sourceTime < windowUntil ? sourceTime : windowUntil
  await client.query(
    `insert into kki.watermark (integration, position, run_id) values ($1, $2, $3)
    on conflict on constraint watermark_pkey do update
    set position = excluded.position, run_id = excluded.run_id, moved_at = now()
    where watermark.position < excluded.position or watermark.position > now()`,
    [integration, until, walked.runId]
  )
}

/** Moves the watermark to a time that a person chose, within the caller's transaction. */
export async function setWatermark(client: pg.ClientBase, position: Date): Promise<void> {
  await client.query('update kki.watermark set position = $2, run_id = null, moved_at = now() where integration = $1', [
    integration,
    position
  ])
}

/**
 * Deletes the watermark after a profession was added: the next incremental run fetches everything. Runs that started earlier
 * do not set it again.
 */
export async function forgetWatermark(client: pg.ClientBase): Promise<void> {
  await client.query('delete from kki.watermark where integration = $1', [integration])
  await client.query(
    `update kki.run r set is_filtered = true
    where kki.is_walk(r.mode) and r.professions is not null and (
      r.finished_at is null or exists (select from kki.batch b where b.run_id = r.id and b.state = 'held')
    )`
  )
}
