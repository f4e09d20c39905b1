import type pg from 'pg'
import type { Caller } from '../audit/record.ts'
import type { BatchKind, WalkKind } from '../batch-terms.ts'
import { touch } from '../platform/touched.ts'
import { markBatch } from '../platform/tracing.ts'
import { type Batch, batchColumns } from './batch.ts'

export interface BatchRunRequest {
  kind: Exclude<BatchKind, WalkKind>
  triggeredBy: 'schedule' | 'operator' | 'api' | 'command'
  caller: Caller
  expectedTotal?: number
}

/** Writes a run of one queued batch that does not walk KKI's list, within the caller's transaction. */
export async function insertBatchRun(
  client: pg.ClientBase,
  { kind, triggeredBy, caller, expectedTotal }: BatchRunRequest
): Promise<Batch> {
  const { rows } = await client.query<Batch>(
    `with r as (
      insert into kki.run (triggered_by, mode, actor, api_key_id, request_id, trace_id, expected_total)
      values ($1, $2, $3, $4, $5, $6, $7) returning *
    ), b as (
      insert into kki.batch (run_id, kind, trace_id) select r.id, r.mode, r.trace_id from r returning *
    )
    select ${batchColumns} from b join r on r.id = b.run_id`,
    [triggeredBy, kind, caller.actor, caller.apiKeyId, caller.requestId, caller.traceId, expectedTotal ?? null]
  )
  const batch = rows[0] as Batch
  touch(client, 'batches', batch.id)
  markBatch({ trace_id: batch.traceId, run_id: batch.runId, batch_id: batch.id }, { 'sdmk.batch.kind': kind })
  return batch
}
