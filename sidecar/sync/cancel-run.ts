import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import type { Transaction } from '../platform/database.ts'
import { closeRun } from './close-run.ts'
import { withdrawDecisions } from './withdraw-decisions.ts'

/**
 * Cancels the batches of a run that are under way, within the caller's transaction, and returns their number. Their fences
 * rise, so that their jobs write nothing more. If a batch is being applied, this waits for it, and it stays applied.
 */
export async function cancelRun(client: Transaction, runId: number, caller: Caller): Promise<number> {
  let count = 0
  // While this waits, a batch may have created the next one of the walk, so the query is repeated.
  for (
    let batchIds = await cancelOpen(client, runId);
    batchIds.length > 0;
    batchIds = await cancelOpen(client, runId)
  ) {
    await withdrawDecisions(client, batchIds)
    client.notifyOdoo({ batches: batchIds })
    for (const batchId of batchIds) {
      await recordAudit(client, { ...caller, action: 'batch.cancelled', runId, batchId })
    }
    count += batchIds.length
  }
  if (count > 0) await closeRun(client, runId)
  return count
}

async function cancelOpen(client: pg.ClientBase, runId: number): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>(
    `update kki.batch set state = 'cancelled', fence = fence + 1, version = version + 1, finished_at = now()
    where run_id = $1 and kki.is_under_way(state)
    returning id`,
    [runId]
  )
  return rows.map(({ id }) => id)
}
