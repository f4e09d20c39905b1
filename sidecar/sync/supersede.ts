import { recordAudit } from '../audit/record.ts'
import type { Transaction } from '../platform/database.ts'
import type { Batch } from './batch.ts'

/**
 * Ends held batches of earlier runs that a newer run replaces, within the transaction that plans one of its batches. An
 * incremental run replaces incremental ones, and a full run also full ones. A held window run is replaced only if the newer
 * window covers it, because a person requested that window. Rows that are not read again stay in KKI, and the watermark has
 * not passed them.
 */
export async function supersedeHeld(client: Transaction, batch: Batch): Promise<void> {
  if (batch.kind !== 'incremental' && batch.kind !== 'full') return
  const { rows } = await client.query<{ id: number; run_id: number; trace_id: string }>(
    `update kki.batch h
    set state = 'superseded', fence = h.fence + 1, version = h.version + 1, finished_at = now()
    from kki.run r, kki.run hr
    where r.id = $1 and hr.id = h.run_id and h.state = 'held' and h.run_id < r.id
      and (r.professions is null or hr.professions <@ r.professions)
      and (
        h.kind = 'incremental' or (h.kind = 'full' and r.mode = 'full')
        or (h.kind = 'window' and hr.window_until <= r.window_until
          and (r.window_since is null or r.window_since <= hr.window_since))
      )
    returning h.id, h.run_id, h.trace_id`,
    [batch.runId]
  )
  for (const { id, run_id, trace_id } of rows) {
    client.notifyOdoo({ batches: [id] })
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
