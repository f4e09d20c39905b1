import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import { touch } from '../platform/touched.ts'
import type { Batch } from './batch.ts'

/**
 * Ends the held batches of the same partition that a batch with a newer plan takes the place of, within the transaction
 * that plans it. A held window run goes only where the newer window covers its own: a person asked for just that one.
 */
export async function supersedeHeld(client: pg.ClientBase, batch: Batch): Promise<void> {
  if (batch.kind !== 'incremental' && batch.kind !== 'full') return
  // The rest of a full run walks the partition of all, but not its professions.
  if (batch.sourceProfessionsCovered !== null) return
  const { rows } = await client.query<{ id: number; run_id: number; trace_id: string }>(
    `update kki.batch h
    set state = 'superseded', fence = h.fence + 1, version = h.version + 1, finished_at = now()
    from kki.batch b
    where b.id = $1 and h.state = 'held' and h.partition = b.partition and h.id < b.id
      and (
        h.kind in ('incremental', 'full')
        or (h.kind = 'window' and h.window_until <= b.window_until
          and (b.window_since is null or b.window_since <= h.window_since))
      )
    returning h.id, h.run_id, h.trace_id`,
    [batch.id]
  )
  for (const { id, run_id, trace_id } of rows) {
    touch(client, 'batches', id)
    await recordAudit(client, {
      actor: 'sidecar',
      apiKeyId: null,
      requestId: `batch-${batch.id}`,
      traceId: trace_id,
      action: 'batch.superseded',
      runId: run_id,
      batchId: id,
      detail: { by: batch.id }
    })
  }
}
