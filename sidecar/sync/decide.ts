import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import type { BatchState } from '../batch-terms.ts'
import { type Batch, batchColumns, changeBatch, takeBatch } from './batch.ts'
import { BatchNotFound, BatchStateRefused } from './errors.ts'
import { forgetUndone, markRefetched } from './refetch.ts'
import { advanceWatermark } from './watermark.ts'
import { withdrawDecisions } from './withdraw-decisions.ts'

/**
 * Returns the batch, its row locked for the caller's transaction, where it is in one of these states.
 * @throws BatchNotFound, BatchStateRefused
 */
export async function lockBatch(client: pg.ClientBase, batchId: number, states: readonly BatchState[]): Promise<Batch> {
  const { rows } = await client.query<Batch>(`select ${batchColumns} from kki.batch b where b.id = $1 for update`, [
    batchId
  ])
  if (!rows[0]) throw new BatchNotFound(batchId)
  if (!states.includes(rows[0].state)) throw new BatchStateRefused(batchId, rows[0].state, states)
  return rows[0]
}

export interface Discard {
  /** `advance`: what the window holds counts as seen; `keep`: the next run fetches it again. */
  watermark: 'keep' | 'advance'
  reason: string
}

/** Ends a held batch without applying it, within the caller's transaction. @throws BatchNotFound, BatchStateRefused */
export async function discardBatch(
  client: pg.ClientBase,
  batchId: number,
  { watermark, reason }: Discard,
  caller: Caller
): Promise<void> {
  await lockBatch(client, batchId, ['held'])
  // Its fence rises, so that a job which is about to apply it finds it gone.
  const taken = (await takeBatch(client, batchId, ['held'])) as Batch
  const batch = await changeBatch(client, taken, { state: 'discarded', finished_at: 'now' })
  if (watermark === 'advance') {
    await advanceWatermark(client, batch)
    await markRefetched(client, batch)
  } else await forgetUndone(client, batch)
  await withdrawDecisions(client, [batchId])
  await recordAudit(client, {
    ...caller,
    action: 'batch.discarded',
    runId: batch.runId,
    batchId,
    detail: { watermark, reason, holdReasons: batch.holdReasons, planDigest: batch.planDigest }
  })
}
