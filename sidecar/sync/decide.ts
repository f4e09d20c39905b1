import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import type { BatchState } from '../batch-terms.ts'
import type { Transaction } from '../platform/database.ts'
import { type Batch, batchColumns, batchTables, changeBatch, takeBatch } from './batch.ts'
import { closeRun } from './close-run.ts'
import { BatchNotFound, BatchStateConflict } from './errors.ts'
import { withdrawDecisions } from './withdraw-decisions.ts'

/**
 * Returns the batch, with its row locked for the caller's transaction, if it is in one of these states.
 * @throws BatchNotFound, BatchStateConflict
 */
export async function lockBatch(client: pg.ClientBase, batchId: number, states: readonly BatchState[]): Promise<Batch> {
  const { rows } = await client.query<Batch>(
    `select ${batchColumns} from ${batchTables} where b.id = $1 for update of b`,
    [batchId]
  )
  if (!rows[0]) throw new BatchNotFound(batchId)
  if (!states.includes(rows[0].state)) throw new BatchStateConflict(batchId, rows[0].state, states)
  return rows[0]
}

export interface Discard {
  /** `advance`: the watermark may pass the window; `keep`: the next run fetches it again. */
  watermark: 'keep' | 'advance'
  reason: string
}

/** Ends a held batch without applying it, within the caller's transaction. @throws BatchNotFound, BatchStateConflict */
export async function discardBatch(
  client: Transaction,
  batchId: number,
  { watermark, reason }: Discard,
  caller: Caller
): Promise<void> {
  await lockBatch(client, batchId, ['held'])
  // Its fence rises, so that a job that is about to apply it stops.
  const taken = (await takeBatch(client, batchId, ['held'])) as Batch
  const isWaived = watermark === 'advance'
  const batch = await changeBatch(client, taken, { state: 'discarded', is_waived: isWaived, finished_at: 'now' })
  await withdrawDecisions(client, [batchId])
  await recordAudit(client, {
    ...caller,
    action: 'batch.discarded',
    runId: batch.runId,
    batchId,
    detail: { watermark, reason, holdReasons: batch.holdReasons, planDigest: batch.planDigest }
  })
  await closeRun(client, batch.runId)
}
