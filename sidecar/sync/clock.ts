import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { type Caller, recordAudit } from '../audit/record.ts'
import type { Database } from '../platform/database.ts'
import { createTraceId } from '../platform/trace-context.ts'
import { inSpan } from '../platform/tracing.ts'
import { readRecordedProfessions } from '../registry/change-counts.ts'
import { expireLicences, hasExpired } from '../registry/expire.ts'
import { type Batch, changeBatch, ledgerOf } from './batch.ts'
import { insertBatchRun } from './batch-run.ts'
import { closeRun } from './close-run.ts'
import type { SyncMetrics } from './metrics.ts'
import { readSetting } from './settings.ts'

export interface ClockContext {
  database: Database
  metrics: SyncMetrics
  logger: FastifyBaseLogger
}

/**
 * Expires the licences whose last day is before `asOf` (`YYYY-MM-DD`), in a separate batch, because KKI sends no event for
 * it. Returns the batch; null if no licence has expired. With several replicas the first one finds it.
 */
export async function turnClock(context: ClockContext, asOf: string): Promise<Batch | null> {
  if (!(await hasExpired(context.database.pool, asOf))) return null
  const caller: Caller = { actor: 'clock', apiKeyId: null, requestId: randomUUID(), traceId: createTraceId() }
  return inSpan('clock', { ids: { trace_id: caller.traceId } }, () => endLicences(context, asOf, caller))
}

async function endLicences({ database, metrics, logger }: ClockContext, asOf: string, caller: Caller) {
  const batch = await database.withAdvisoryLock('sdmk clock', async client => {
    if (!(await hasExpired(client, asOf))) return null
    await client.query('set local jit = off')
    const queued = await insertBatchRun(client, {
      kind: 'clock',
      triggeredBy: 'schedule',
      caller
    })
    const fetching = await changeBatch(client, queued, { state: 'fetching', as_of: asOf, fetch_started_at: 'now' })
    const { changed, deactivated } = await expireLicences(client, queued.id, asOf)
    const professions = await readRecordedProfessions(client, queued.id)
    client.notifyOdoo({ changesOf: queued.id })
    const planned = await changeBatch(client, fetching, {
      state: 'planned',
      fetched: changed,
      updated: changed,
      fetched_at: 'now',
      planned_at: 'now'
    })
    const applied = await changeBatch(client, planned, { state: 'applied', deactivated, finished_at: 'now' })
    await recordAudit(client, {
      ...caller,
      action: 'batch.applied',
      runId: applied.runId,
      batchId: applied.id,
      detail: { ...ledgerOf(applied), success: changed, errors: 0, asOf, professions }
    })
    await closeRun(client, applied.runId)
    return applied
  })
  if (batch === null) return null
  const { rejectAlertRatio } = await readSetting(database.pool)
  metrics.batchApplied(batch, rejectAlertRatio)
  logger.info({ run_id: batch.runId, batch_id: batch.id, as_of: asOf, ...ledgerOf(batch) }, 'licences have expired')
  return batch
}
