import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { touch } from '../platform/touched.ts'
import { closeRun } from './close-run.ts'
import { withdrawDecisions } from './withdraw-decisions.ts'

/**
 * Cancels the batches of a run that are under way, within the caller's transaction, and returns how many there were. Their
 * fence rises, so that the jobs that hold them write no more. A batch that is being applied is waited for, and stays.
 */
export async function cancelRun(client: pg.ClientBase, runId: number, caller: Caller): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `update kki.batch set state = 'cancelled', fence = fence + 1, version = version + 1, finished_at = now()
    where run_id = $1 and kki.is_under_way(state)
    returning id`,
    [runId]
  )
  const batchIds = rows.map(({ id }) => id)
  await withdrawDecisions(client, batchIds)
  for (const batchId of batchIds) {
    touch(client, 'batches', batchId)
    await recordAudit(client, { ...caller, action: 'batch.cancelled', runId, batchId })
  }
  if (rows.length > 0) await closeRun(client, runId)
  return rows.length
}
