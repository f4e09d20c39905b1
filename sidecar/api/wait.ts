import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { type Batch, readBatch } from '../sync/batch.ts'
import { BatchNotFound } from '../sync/errors.ts'

/** A browser waits this long. Work that takes longer continues, and the batch's state shows its end. */
const patienceMs = 10_000
const pollMs = 100

/** Returns the batch once `isDone` says so, or unchanged after the longest wait. @throws BatchNotFound */
export async function waitForBatch(
  pool: pg.Pool,
  id: number,
  isDone: (batch: Batch) => boolean
): Promise<{ batch: Batch; isDone: boolean }> {
  const until = Date.now() + patienceMs
  for (;;) {
    const batch = await readBatch(pool, id)
    if (!batch) throw new BatchNotFound(id)
    if (isDone(batch)) return { batch, isDone: true }
    if (Date.now() > until) return { batch, isDone: false }
    await wait(pollMs)
  }
}
