import type pg from 'pg'
import type { Transaction } from '../platform/database.ts'
import { recordMissed } from '../registry/not-listed.ts'
import { finishRefetches } from './refetch.ts'
import { advanceWatermark, type Walked } from './watermark.ts'

/**
 * Finishes a run if none of its batches is under way, within the transaction that ended one of them. Once all of them are
 * applied, all rows up to the end of its window are stored: the watermark moves, refetched windows are done, and a full run
 * counts the registrations that it did not show. Held batches may be applied long after the run is finished.
 */
export async function closeRun(client: Transaction, runId: number): Promise<void> {
  // Batches that end concurrently would each see the other under way; the lock makes the second one check after the first.
  await lockRun(client, runId)
  const { rows } = await client.query<ClosingRun>(
    `update kki.run r set finished_at = coalesce(r.finished_at, now())
    from (
      select bool_and(state = 'applied') as applied, bool_and(state = 'applied' or is_waived) as seen,
        bool_or(kki.is_under_way(state)) as open, min(fetch_started_at) as started
      from kki.batch where run_id = $1
    ) b
    where r.id = $1 and not b.open
    returning r.id as "runId", r.mode, kki.is_walk(r.mode) as "isWalk", r.professions, r.is_filtered as "isFiltered", r.window_since as "windowSince",
      r.window_until as "windowUntil", r.source_time as "sourceTime", b.applied, b.seen, b.started`,
    [runId]
  )
  const run = rows[0]
  if (!run?.seen || !run.isWalk) return
  if (!run.isFiltered) await advanceWatermark(client, run)
  await finishRefetches(client, runId)
  if (run.mode === 'full' && run.applied && run.started !== null)
    await recordMissed(client, { ...run, since: run.started })
}

interface ClosingRun extends Walked {
  mode: string
  isWalk: boolean
  professions: string[] | null
  isFiltered: boolean
  applied: boolean
  seen: boolean
  started: Date | null
}

/**
 * Waits for other transactions that end a part of the run, and keeps the next one out until this transaction ends. Not `for
 * update`: a transaction that changes a batch twice holds a key lock on its run, so two of them would deadlock.
 */
export async function lockRun(client: pg.ClientBase, runId: number): Promise<void> {
  await client.query('select from kki.run where id = $1 for no key update', [runId])
}
