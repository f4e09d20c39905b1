import { recordAudit } from '../audit/record.ts'
import type { SdmkError } from '../errors.ts'
import type { Database, Transaction } from '../platform/database.ts'
import { type Batch, changeBatch } from './batch.ts'
import { closeRun } from './close-run.ts'
import { withdrawDecisions } from './withdraw-decisions.ts'

/** Ends a batch as failed, with the error; the registry stays unchanged. @throws FenceLost */
export async function failBatch(database: Database, batch: Batch, error: SdmkError): Promise<void> {
  await database.withTransaction(client => failWithin(client, batch, error))
}

/** The same within the caller's transaction. @throws FenceLost */
export async function failWithin(client: Transaction, batch: Batch, error: SdmkError): Promise<void> {
  await changeBatch(client, batch, {
    state: 'failed',
    error_code: error.code,
    error_detail: error.message,
    finished_at: 'now'
  })
  await withdrawDecisions(client, [batch.id])
  await recordAudit(client, {
    actor: 'sidecar',
    apiKeyId: null,
    requestId: `batch-${batch.id}`,
    traceId: batch.traceId,
    action: 'batch.failed',
    runId: batch.runId,
    batchId: batch.id,
    detail: { code: error.code, fetched: batch.fetched, pages: batch.pages }
  })
  await closeRun(client, batch.runId)
}
