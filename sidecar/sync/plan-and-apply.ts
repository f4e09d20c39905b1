import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { type BatchKind, walkKinds } from '../batch-terms.ts'
import type { Identity } from '../identity/keys.ts'
import type { Database, Transaction } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import { inSpan } from '../platform/tracing.ts'
import { applyPlan } from '../registry/apply.ts'
import { readAppliedProfessions, readPlanCounts } from '../registry/change-counts.ts'
import { rankPlan } from '../registry/changes.ts'
import { recordSeen, recordShown } from '../registry/not-listed.ts'
import { type PlanOptions, planBatch } from '../registry/plan.ts'
import { renewStatistics } from '../registry/statistics.ts'
import { type Batch, changeBatch, ledgerOf } from './batch.ts'
import { queueBatchJob } from './batch-job.ts'
import { closeRun } from './close-run.ts'
import { isUnforeseen } from './decision-effects.ts'
import { evaluatePlan, type GateOptions } from './gate.ts'
import type { SyncMetrics } from './metrics.ts'
import { readSetting } from './settings.ts'
import { supersedeHeld } from './supersede.ts'

export interface ApplyContext extends GateOptions {
  database: Database
  queue: JobQueue
  identity: Identity
  metrics: SyncMetrics
  logger: FastifyBaseLogger
  /** SDMK's time zone, in which a licence's last day ends. */
  timeZone: string
}

/** Plans that may be outdated by other batches before a batch is planned and applied under an exclusive lock. */
export const maxReplans = 3

/** The actor in audit events for automatic work on a batch. */
export function sidecarCaller(batch: Batch): Caller {
  return { actor: 'sidecar', apiKeyId: null, requestId: `batch-${batch.id}`, traceId: batch.traceId }
}

/**
 * Plans a staged batch and runs the gate, within the caller's transaction. The batch is then `planned`, or `held` with its
 * reasons. A batch that was held stays held, because only a person may release it.
 * @param caller who approved the former plan of a held batch
 */
export async function planAndEvaluate(
  context: ApplyContext,
  client: Transaction,
  taken: Batch,
  replans: number,
  caller = sidecarCaller(taken)
): Promise<Batch> {
  const wasHeld = taken.state === 'held'
  const batch = await changeBatch(client, taken, { replans })
  const options = await readPlanOptions(client, batch.kind, context.timeZone)
  const { digest, ...counters } = await planBatch(client, batch.id, context.identity, options)
  const planned = await changeBatch(client, batch, {
    state: wasHeld ? 'held' : 'planned',
    ...counters,
    as_of: options.asOf,
    plan_digest: digest,
    planned_at: 'now'
  })
  await supersedeHeld(client, planned)
  const { reasons, excesses, effects } = await evaluatePlan(client, planned, context)
  // A person approves a held batch by its plan, which contains its effects.
  if (!wasHeld && (await isUnforeseen(client, planned, context.identity))) reasons.push('EFFECTS_CHANGED')
  const deactivated = Object.values(effects ?? {}).reduce((sum, { deactivations }) => sum + deactivations, 0)
  if (reasons.length === 0 && !wasHeld)
    return effects === null && replans === 0 ? planned : changeBatch(client, planned, { effects, deactivated })
  const held = await changeBatch(client, planned, {
    ...(reasons.length > 0 && { state: 'held', hold_reasons: reasons }),
    effects,
    deactivated
  })
  await rankPlan(client, held.id)
  if (wasHeld && held.planDigest === taken.planDigest) return held
  const counts = await readPlanCounts(client, held.id)
  await recordAudit(client, {
    ...(wasHeld ? caller : sidecarCaller(held)),
    action: wasHeld ? 'batch.plan_changed' : 'batch.held',
    runId: held.runId,
    batchId: held.id,
    detail: wasHeld
      ? { from: taken.planDigest, to: held.planDigest, holdReasons: held.holdReasons, excesses, ...counts }
      : { reasons, excesses, ...ledgerOf(held), planDigest: held.planDigest, ...counts }
  })
  if (!wasHeld) await closeRun(client, held.runId)
  return held
}

/** Returns the present planning options for a batch of this kind. */
export async function readPlanOptions(client: pg.ClientBase, kind: BatchKind, timeZone: string): Promise<PlanOptions> {
  const { createUnmatched } = await readSetting(client)
  return {
    asOf: await today(client, timeZone),
    // SDMK's own people are always created; the setting concerns people that only KKI has.
    createUnmatched: kind === 'import' ? 'create' : createUnmatched,
    hasOwnPeople: kind === 'import',
    isFile: kind === 'file'
  }
}

/** Applies a batch's plan, within the caller's transaction. @throws what `applyPlan` throws */
export async function applyPlanned(
  { queue, identity, timeZone }: Pick<ApplyContext, 'queue' | 'identity' | 'timeZone'>,
  client: Transaction,
  planned: Batch,
  caller = sidecarCaller(planned)
): Promise<Batch> {
  // The fence first: its lock keeps every other process out of the batch until this transaction ends.
  await changeBatch(client, planned, {})
  // A plan may be days old; licences that have expired since stay expired.
  const asOf = [planned.asOf as string, await today(client, timeZone)].sort().at(-1) as string
  const { deactivated, byProfession } = await applyPlan(client, planned.id, identity, asOf)
  client.notifyOdoo({ changesOf: planned.id, rejectionsOf: planned.id })
  const batch = await changeBatch(client, planned, { state: 'applied', deactivated, finished_at: 'now' })
  await noteShown(client, batch)
  await recordAudit(client, {
    ...caller,
    action: 'batch.applied',
    runId: batch.runId,
    batchId: batch.id,
    detail: {
      ...ledgerOf(batch),
      success: batch.fetched - batch.rejected,
      errors: batch.rejected,
      createdAt: batch.createdAt,
      fetchedAt: batch.fetchedAt,
      plannedAt: batch.plannedAt,
      ...(batch.holdReasons && { holdReasons: batch.holdReasons }),
      professions: await readAppliedProfessions(client, batch.id, byProfession)
    }
  })
  await closeRun(client, batch.runId)
  if (batch.rejected > 0 || (await hasChanges(client, batch.id))) {
    await queueBatchJob(client, queue, { kind: 'reprocess', batchId: batch.id, after: 0 })
  }
  return batch
}

async function hasChanges(client: pg.ClientBase, batchId: number): Promise<boolean> {
  const { rowCount } = await client.query('select from kki.change where batch_id = $1 limit 1', [batchId])
  return rowCount === 1
}

/** Kinds of batches with fresh rows of KKI. */
const showsKki: readonly BatchKind[] = [...walkKinds, 'retry']

/** Updates the counts of registrations that KKI no longer lists: a batch may show one again. */
async function noteShown(client: pg.ClientBase, batch: Batch): Promise<void> {
  if (!showsKki.includes(batch.kind)) return
  await recordSeen(client, batch.id)
  if (batch.kind !== 'full') return
  const { rows } = await client.query<{ started: Date }>(
    'select min(fetch_started_at) as started from kki.batch where run_id = $1',
    [batch.runId]
  )
  await recordShown(client, { ...batch, runStarted: (rows[0] as { started: Date }).started })
}

/**
 * Runs `work` under an exclusive lock, one batch at a time; the lock also blocks the writes of all other batches.
 */
export async function alone<T>({ database }: ApplyContext, work: (client: Transaction) => Promise<T>): Promise<T> {
  return database.withAdvisoryLock('sdmk apply alone', async client => {
    await client.query('lock table sdmk.str_number, sdmk.health_worker, sdmk.registration in share row exclusive mode')
    return work(client)
  })
}

/** Measures how long the batch spent in a phase. */
export async function timed<T>({ metrics }: ApplyContext, phase: 'plan' | 'apply', work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await inSpan(phase, {}, work)
  metrics.phaseEnded(phase, (performance.now() - started) / 1000)
  return result
}

/** Records the result in metrics and log, and updates the planner's statistics after a large batch. */
export async function afterApplied({ database, metrics, logger }: ApplyContext, batch: Batch): Promise<void> {
  const { rejectAlertRatio } = await readSetting(database.pool)
  metrics.batchApplied(batch, rejectAlertRatio)
  await metrics.countProblems(database.pool, batch.id)
  logger.info(ledgerOf(batch), 'the batch is applied')
  const { created, linked, updated, rejected } = batch
  if (await isMuch(database.pool, 'sdmk.registration', created + linked + updated)) {
    await renewStatistics(database.pool, 'sdmk.str_number', 'sdmk.health_worker', 'sdmk.registration')
  }
  // The list of changes and an undo join the changes of the batch with each other.
  if (await isMuch(database.pool, 'kki.change', created + linked + updated)) {
    await renewStatistics(database.pool, 'kki.change')
  }
  // With statistics of one row, PostgreSQL would choose a nested loop for pending rows in the next batch.
  if (await isMuch(database.pool, 'kki.rejection', rejected)) {
    await renewStatistics(database.pool, 'kki.rejection', 'kki.rejection_occurrence')
  }
}

/** A batch with at least so many rows updates the statistics of a table at once; otherwise autovacuum does it. */
const muchInRows = 1000
const muchOfAll = 0.1

async function isMuch(pool: pg.Pool, table: string, rows: number): Promise<boolean> {
  if (rows < muchInRows) return false
  const { rows: found } = await pool.query<{ known: number }>(
    'select reltuples as known from pg_class where oid = $1::regclass',
    [table]
  )
  return rows > (found[0]?.known ?? 0) * muchOfAll
}

/**
 * Returns the present day in this time zone, `YYYY-MM-DD`: the earlier one by the clocks of the database and of this process.
 * A licence that expires too early is not renewed by a later run, so one clock that is ahead must not decide alone. One that
 * expires too late expires the next day.
 */
export async function today(client: pg.ClientBase | pg.Pool, timeZone: string): Promise<string> {
  const { rows } = await client.query<{ today: string }>(
    'select (least(now(), $2::timestamptz) at time zone $1)::date as today',
    [timeZone, new Date()]
  )
  return (rows[0] as { today: string }).today
}
