import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import type { JobQueue } from '../platform/queue.ts'
import { isLostRace } from '../registry/apply.ts'
import { FenceLost } from '../registry/errors.ts'
import { type Batch, takeBatch, workStates } from './batch.ts'
import { type Approval, queueBatchJob } from './batch-job.ts'
import { lockBatch } from './decide.ts'
import { PlanChanged } from './errors.ts'
import {
  type ApplyContext,
  afterApplied,
  alone,
  applyPlanned,
  maxReplans,
  planAndEvaluate,
  timed
} from './plan-and-apply.ts'

/**
 * Records the approval of a held batch, within the caller's transaction, and queues the work.
 * @throws BatchNotFound, BatchStateConflict, PlanChanged
 */
export async function approveBatch(
  client: pg.ClientBase,
  queue: JobQueue,
  batchId: number,
  approval: Approval,
  reason?: string
): Promise<void> {
  const batch = await lockBatch(client, batchId, workStates.approved)
  if (batch.planDigest !== approval.planDigest) throw new PlanChanged(batchId, batch.planDigest)
  await recordAudit(client, {
    ...approval.caller,
    action: 'batch.approved',
    runId: batch.runId,
    batchId,
    detail: { planDigest: approval.planDigest, holdReasons: batch.holdReasons, ...(reason && { reason }) }
  })
  await queueBatchJob(client, queue, { kind: 'approved', batchId, approval })
}

/**
 * Applies a held batch with the approved plan. If the registry has outdated the plan, a new one is made. It is applied only
 * if it would do the same; otherwise the batch stays on hold for another review.
 */
export async function applyApproved(context: ApplyContext, batchId: number, approval: Approval): Promise<void> {
  const { database, logger } = context
  const taken = await database.withTransaction(client => takeBatch(client, batchId, workStates.approved))
  if (taken === null || taken.planDigest !== approval.planDigest) return
  try {
    const batch = await applyOrReplan(context, taken, approval)
    if (batch.state === 'applied') await afterApplied(context, batch)
    else logger.warn('the plan of the approved batch has changed; it is on hold for another review')
  } catch (error) {
    if (!(error instanceof FenceLost)) throw error
    logger.info({ err: error }, 'the batch was taken over')
  }
}

async function applyOrReplan(context: ApplyContext, taken: Batch, approval: Approval): Promise<Batch> {
  const { database, logger } = context
  let planned = taken
  for (let attempt = 1; attempt <= maxReplans; attempt++) {
    try {
      return await timed(context, 'apply', () =>
        database.withTransaction(client => applyPlanned(context, client, planned, approval.caller))
      )
    } catch (error) {
      if (!isLostRace(error)) throw error
      logger.warn({ err: error, attempt }, 'the registry has changed; the approved batch is planned again')
    }
    planned = await timed(context, 'plan', () =>
      database.withTransaction(client => planAndEvaluate(context, client, taken, attempt, approval.caller))
    )
    if (planned.planDigest !== approval.planDigest) return planned
  }
  return timed(context, 'apply', () =>
    alone(context, async client => {
      const last = await planAndEvaluate(context, client, taken, maxReplans, approval.caller)
      return last.planDigest === approval.planDigest ? applyPlanned(context, client, last, approval.caller) : last
    })
  )
}
