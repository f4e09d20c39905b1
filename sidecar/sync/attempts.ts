import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import type { BatchState } from '../batch-terms.ts'
import type { SdmkError } from '../errors.ts'
import { DigestKeyHeld, DigestKeyUnknown, SealFault } from '../identity/errors.ts'
import type { Database } from '../platform/database.ts'
import { isOutage } from '../platform/outage.ts'
import { tellError } from '../platform/tell-error.ts'
import { FenceLost } from '../registry/errors.ts'
import { readBatch, takeBatch, workStates } from './batch.ts'
import type { BatchJob } from './batch-job.ts'
import { BatchFault, BatchWorkerLost } from './errors.ts'
import { failWithin } from './fail-batch.ts'
import type { SyncMetrics } from './metrics.ts'
import { sidecarCaller } from './plan-and-apply.ts'

export interface AttemptContext {
  database: Database
  metrics: Pick<SyncMetrics, 'batchEnded' | 'jobFailed'>
  logger: FastifyBaseLogger
}

/** The work of a job on a batch. */
export type BatchWork = 'fetch' | BatchJob['kind']

/** Consecutive attempts that end in an unexpected error, without progress, until the work fails for good. */
export const maxAttempts = 5
/** Attempts whose process was lost. More are allowed, since another batch may have caused the loss. */
export const maxLost = 10

const pauseMs = 1000

/** States in which the batch fails with the work. Undo and reprocess are work on a batch that stays applied. */
const failsFrom: Record<BatchWork, readonly BatchState[]> = {
  ...workStates,
  undo: [],
  reprocess: []
}

/**
 * Works on a batch, with a bounded number of attempts without progress, so that no error and no lost process leaves it open
 * for ever. An outage, a process that stops and a batch that another process has taken do not count, since they are no fault
 * of the batch.
 */
export async function attemptBatch(
  context: AttemptContext,
  { batchId, kind, signal }: { batchId: number; kind: BatchWork; signal: AbortSignal },
  work: () => Promise<void>
): Promise<void> {
  const { pool } = context.database
  const attempts = await changeAttempts(context, batchId, 'attempts + 1')
  if (attempts === null) return
  if (attempts > maxLost) return giveUp(context, batchId, kind, new BatchWorkerLost(batchId, maxLost))
  try {
    await work()
  } catch (error) {
    const isRejected = error instanceof DigestKeyUnknown || error instanceof DigestKeyHeld
    if (signal.aborted || isRejected || error instanceof FenceLost || isOutage(error)) {
      await uncountAttempt(context, batchId, signal)
      throw error
    }
    // It will not fit at the next attempt either.
    if (error instanceof SealFault) return giveUp(context, batchId, kind, error)
    // Progress resets the count to 0.
    const failed = await changeAttempts(context, batchId, 'greatest(attempts, 1)')
    if (failed === null || failed < maxAttempts) throw error
    return giveUp(context, batchId, kind, new BatchFault(batchId, maxAttempts, tellError(error)))
  }
  await pool.query('update kki.batch set attempts = 0 where id = $1 and attempts <> 0', [batchId])
}

async function changeAttempts(
  { database }: Pick<AttemptContext, 'database'>,
  batchId: number,
  value: string
): Promise<number | null> {
  const { rows } = await database.pool.query<{ attempts: number }>(
    `update kki.batch set attempts = ${value} where id = $1 returning attempts`,
    [batchId]
  )
  return rows[0]?.attempts ?? null
}

/** Waits until the database answers, and then removes the attempt from the count. */
async function uncountAttempt(context: AttemptContext, batchId: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await changeAttempts(context, batchId, 'greatest(attempts - 1, 0)')
      return
    } catch (error) {
      if (signal.aborted || !isOutage(error)) return
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

async function giveUp(context: AttemptContext, batchId: number, kind: BatchWork, error: SdmkError): Promise<void> {
  const { database, metrics, logger } = context
  const hasFailed = await database.withTransaction(async client => {
    await client.query('update kki.batch set attempts = 0 where id = $1', [batchId])
    if (error instanceof SealFault) {
      const batch = await readBatch(client, batchId)
      if (batch) await auditSealFaults(client, sidecarCaller(batch), [error], batchId)
    }
    const taken = await takeBatch(client, batchId, failsFrom[kind])
    if (taken) await failWithin(client, taken, error)
    else if (failsFrom[kind].length === 0) {
      const batch = await readBatch(client, batchId)
      if (batch === null) return false
      await recordAudit(client, {
        actor: 'sidecar',
        apiKeyId: null,
        requestId: `batch-${batchId}`,
        traceId: batch.traceId,
        action: kind === 'undo' ? 'batch.undo_failed' : 'batch.reprocess_failed',
        runId: batch.runId,
        batchId,
        detail: { code: error.code, reason: error.message }
      })
    }
    return taken !== null
  })
  metrics.jobFailed(kind)
  if (hasFailed) {
    metrics.batchEnded('failed')
    logger.error({ err: error, code: error.code }, 'the batch failed')
  } else logger.error({ err: error, code: error.code, work: kind }, 'a job failed for good')
}
