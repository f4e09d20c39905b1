import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import type { Database } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import { applyPlan, isLostRace } from '../registry/apply.ts'
import { FenceLost } from '../registry/errors.ts'
import type { Identity } from '../registry/identity.ts'
import { planBatch } from '../registry/plan.ts'
import { recordAudit } from './audit.ts'
import { type Batch, changeBatch, ledgerOf, takeBatch } from './batch.ts'
import { closeRun } from './close-run.ts'
import type { SyncMetrics } from './metrics.ts'
import { readSetting } from './settings.ts'
import { advanceWatermark } from './watermark.ts'

export interface ApplyContext {
  database: Database
  queue: JobQueue
  identity: Identity
  metrics: SyncMetrics
  logger: FastifyBaseLogger
  /** SDMK's time zone, in which a licence's last day ends. */
  timeZone: string
}

/** Plans that may be lost to other batches before this one is planned and applied alone. */
const maxReplans = 3

/** Plans a staged batch and applies the plan; a plan that the registry has overtaken is made again. */
export async function applyBatch(context: ApplyContext, batchId: number): Promise<void> {
  const { database, metrics, logger } = context
  const taken = await database.withTransaction(client => takeBatch(client, batchId, ['fetching', 'planned']))
  if (taken === null || taken.fetchedAt === null) return
  const log = logger.child({ batchId, traceId: taken.traceId })
  try {
    const applied = await planAndApply(context, taken, log)
    const { rejectAlertRatio } = await readSetting(database.pool)
    metrics.batchApplied(ledgerOf(applied), rejectAlertRatio)
    await metrics.countProblems(database.pool, batchId)
    log.info(ledgerOf(applied), 'the batch is applied')
    await refreshStatistics(database.pool, applied)
  } catch (error) {
    if (!(error instanceof FenceLost)) throw error
    log.info({ err: error }, 'the batch was taken over')
  }
}

async function planAndApply(context: ApplyContext, taken: Batch, log: FastifyBaseLogger): Promise<Batch> {
  const { database } = context
  for (let replans = taken.replans; replans < maxReplans; replans++) {
    const planned = await timed(context, 'plan', () =>
      database.withTransaction(client => plan(context, client, taken, replans))
    )
    try {
      return await timed(context, 'apply', () => database.withTransaction(client => apply(context, client, planned)))
    } catch (error) {
      if (!isLostRace(error)) throw error
      log.warn({ err: error, replans }, 'another batch was first; the batch is planned again')
    }
  }
  return timed(context, 'apply', () =>
    database.withAdvisoryLock('sdmk apply alone', async client => {
      // Alone among those that lost as often, but not among the others: their writes are kept out as well.
      await client.query(
        'lock table sdmk.str_number, sdmk.health_worker, sdmk.registration in share row exclusive mode'
      )
      return apply(context, client, await plan(context, client, taken, maxReplans))
    })
  )
}

async function plan(context: ApplyContext, client: pg.PoolClient, taken: Batch, replans: number): Promise<Batch> {
  const batch = await changeBatch(client, taken, { replans })
  const setting = await readSetting(client)
  const asOf = await today(client, context.timeZone)
  const { digest, ...counters } = await planBatch(client, batch.id, context.identity, {
    asOf,
    createUnmatched: setting.createUnmatched
  })
  return changeBatch(client, batch, {
    state: 'planned',
    ...counters,
    as_of: asOf,
    plan_digest: digest,
    planned_at: 'now'
  })
}

async function apply(context: ApplyContext, client: pg.PoolClient, planned: Batch): Promise<Batch> {
  // The fence first: its lock keeps every other process out of the batch until this transaction ends.
  await changeBatch(client, planned, {})
  const { deactivated } = await applyPlan(client, planned.id, planned.asOf as string)
  const batch = await changeBatch(client, planned, { state: 'applied', deactivated, finished_at: 'now' })
  await advanceWatermark(client, batch)
  await recordAudit(client, {
    actor: 'sidecar',
    apiKeyId: null,
    requestId: `batch-${batch.id}`,
    traceId: batch.traceId,
    action: 'batch.applied',
    runId: batch.runId,
    batchId: batch.id,
    detail: {
      ...ledgerOf(batch),
      success: batch.fetched - batch.rejected,
      errors: batch.rejected,
      createdAt: batch.createdAt,
      fetchedAt: batch.fetchedAt,
      plannedAt: batch.plannedAt
    }
  })
  await closeRun(client, batch.runId)
  if (batch.kind === 'full') {
    await context.queue.send('kki-census', { runId: batch.runId }, { client, singletonKey: String(batch.runId) })
  }
  return batch
}

/** After a batch of this size the planner's picture of the registry is worth renewing at once. */
const manyRows = 10_000

async function refreshStatistics(pool: pg.Pool, { created, linked, updated }: Batch): Promise<void> {
  if (created + linked + updated < manyRows) return
  await pool.query('analyze sdmk.str_number, sdmk.health_worker, sdmk.registration')
}

async function today(client: pg.ClientBase, timeZone: string): Promise<string> {
  const { rows } = await client.query<{ today: string }>('select (now() at time zone $1)::date as today', [timeZone])
  return (rows[0] as { today: string }).today
}

async function timed<T>({ metrics }: ApplyContext, phase: 'plan' | 'apply', work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await work()
  metrics.phaseEnded(phase, (performance.now() - started) / 1000)
  return result
}
