import { isLostRace } from '../registry/apply.ts'
import { FenceLost, PlanUnfit } from '../registry/errors.ts'
import { type Batch, readBatch, takeBatch, workStates } from './batch.ts'
import { failBatch } from './fail-batch.ts'
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
 * Plans a staged batch and applies the plan, unless the gate holds it: then SDMK stays unchanged. A plan that the
 * registry has outdated is made again.
 */
export async function applyBatch(context: ApplyContext, batchId: number): Promise<void> {
  const { database, metrics, logger } = context
  const taken = await database.withTransaction(client => takeBatch(client, batchId, workStates.apply))
  if (taken === null || taken.fetchedAt === null) return
  try {
    const batch = await planAndApply(context, taken)
    if (batch.state === 'applied') return await afterApplied(context, batch)
    metrics.batchHeld(batch.holdReasons ?? [])
    logger.warn({ reasons: batch.holdReasons }, 'the batch is held for a person')
  } catch (error) {
    if (error instanceof FenceLost) return logger.info({ err: error }, 'the batch was taken over')
    if (!(error instanceof PlanUnfit)) throw error
    await failBatch(database, ((await readBatch(database.pool, batchId)) ?? taken) as Batch, error)
    metrics.batchEnded('failed')
    logger.error({ err: error, code: error.code }, 'the batch failed')
  }
}

async function planAndApply(context: ApplyContext, taken: Batch): Promise<Batch> {
  const { database, logger } = context
  for (let replans = taken.replans; replans < maxReplans; replans++) {
    try {
      // To evaluate a decision, its plan is applied and rolled back: that can lose a race as well.
      const planned = await timed(context, 'plan', () =>
        database.withTransaction(client => planAndEvaluate(context, client, taken, replans))
      )
      if (planned.state === 'held') return planned
      return await timed(context, 'apply', () =>
        database.withTransaction(client => applyPlanned(context, client, planned))
      )
    } catch (error) {
      if (!isLostRace(error)) throw error
      logger.warn({ err: error, replans }, 'another batch was first; the batch is planned again')
    }
  }
  return timed(context, 'apply', () =>
    alone(context, async client => {
      const planned = await planAndEvaluate(context, client, taken, maxReplans)
      return planned.state === 'held' ? planned : applyPlanned(context, client, planned)
    }).catch(error => {
      // A repetition would fail again, because no other batch was involved.
      throw isLostRace(error) ? new PlanUnfit(taken.id, { cause: error }) : error
    })
  )
}
