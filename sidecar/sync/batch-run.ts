import type { Caller } from '../audit/record.ts'
import type { BatchKind, WalkKind } from '../batch-terms.ts'
import type { Transaction } from '../platform/database.ts'
import { markBatch } from '../platform/tracing.ts'
import { type Batch, batchColumns } from './batch.ts'

export interface BatchRunRequest {
  kind: Exclude<BatchKind, WalkKind>
  triggeredBy: 'schedule' | 'operator' | 'api' | 'command'
  caller: Caller
  expectedTotal?: number
  /** `hold`: every batch is held for a person, regardless of its plan. */
  apply?: 'auto' | 'hold' | undefined
}

/** Stores a run with one queued batch that does not read KKI's list, within the caller's transaction. */
export async function insertBatchRun(
  client: Transaction,
  { kind, triggeredBy, caller, expectedTotal, apply = 'auto' }: BatchRunRequest
): Promise<Batch> {
  const { rows } = await client.query<Batch>(
    `with r as (
      insert into kki.run (triggered_by, mode, actor, api_key_id, request_id, trace_id, expected_total, apply_mode)
      values ($1, $2, $3, $4, $5, $6, $7, $8) returning *
    ), b as (
      insert into kki.batch (run_id, kind, trace_id, hold_asked)
      select r.id, r.mode, r.trace_id, case when r.apply_mode = 'hold' then array['REQUESTED'] else '{}' end
      from r returning *
    )
    select ${batchColumns} from b join r on r.id = b.run_id`,
    [triggeredBy, kind, caller.actor, caller.apiKeyId, caller.requestId, caller.traceId, expectedTotal ?? null, apply]
  )
  const batch = rows[0] as Batch
  client.notifyOdoo({ batches: [batch.id] })
  markBatch({ trace_id: batch.traceId, run_id: batch.runId, batch_id: batch.id }, { 'sdmk.batch.kind': kind })
  return batch
}
