import type pg from 'pg'

/** Up to when all that KKI stamped is stored. */
export interface Watermark {
  position: Date
  /** Later than the clock of the database: a clock was wrong when it was moved, or is wrong now. */
  isAhead: boolean
  movedAt: Date
  /** The run that moved it; null where a person did. */
  runId: number | null
}

const integration = 'kki'

/** Returns the watermark; null where no run has stored everything yet. The clock is the database's, the same for every process. */
export async function readWatermark(client: pg.ClientBase | pg.Pool): Promise<Watermark | null> {
  const { rows } = await client.query<Watermark>(
    `select position, position > now() as "isAhead", moved_at as "movedAt", run_id as "runId"
    from kki.watermark where integration = $1`,
    [integration]
  )
  return rows[0] ?? null
}

/** What a run has walked. */
export interface Walked {
  runId: number
  windowSince: Date | null
  windowUntil: Date | null
  sourceTime: Date | null
}

/**
 * Moves the watermark to the end of a run's window, within the transaction that applies the last of it; never back, and not
 * at all where the window starts after it, since what lies between is then not stored.
 */
export async function advanceWatermark(client: pg.ClientBase, walked: Walked): Promise<void> {
  const { windowSince, windowUntil, sourceTime } = walked
  if (windowUntil === null) return
  const watermark = await readWatermark(client)
  const isKnown = watermark !== null && !watermark.isAhead
  const leavesGap = windowSince !== null && !(isKnown && windowSince <= watermark.position)
  if (leavesGap) return
  // What KKI had yet to stamp when it was asked is not stored, however far the window reaches.
  const until = sourceTime !== null && sourceTime < windowUntil ? sourceTime : windowUntil
  await client.query(
    `insert into kki.watermark (integration, position, run_id) values ($1, $2, $3)
    on conflict on constraint watermark_pkey do update
    set position = excluded.position, run_id = excluded.run_id, moved_at = now()
    where watermark.position < excluded.position or watermark.position > now()`,
    [integration, until, walked.runId]
  )
}

/** Moves the watermark where a person says, within the caller's transaction. */
export async function setWatermark(client: pg.ClientBase, position: Date): Promise<void> {
  await client.query('update kki.watermark set position = $2, run_id = null, moved_at = now() where integration = $1', [
    integration,
    position
  ])
}

/**
 * Forgets the watermark, since more professions are wanted: the next incremental run fetches everything. Runs that were begun
 * before do not set it again.
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
