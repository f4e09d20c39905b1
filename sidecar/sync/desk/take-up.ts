import { findNowKnown } from '../../registry/waiting.ts'
import { readBatch } from '../batch.ts'
import { type ApplyContext, sidecarCaller } from '../plan-and-apply.ts'
import type { DeskContext } from './desk.ts'
import { reprocessRejections } from './reprocess.ts'

/** Rejections that are taken up in one batch; what is left follows in the next. */
const atATime = 10_000

/**
 * Takes up the refused endings whose person or licence an applied batch has brought, so that it does not matter which of
 * two batches came first. Without it a revocation that KKI sent before the licence it ends would leave that one active.
 */
export async function takeUpNowKnown(context: ApplyContext, desk: DeskContext, batchId: number): Promise<void> {
  const { database, logger } = context
  const batch = await readBatch(database.pool, batchId)
  if (batch === null) return
  const order = await database.withTransaction(async client => {
    const ids = await findNowKnown(client, batchId)
    if (ids.length === 0) return null
    const caller = { ...sidecarCaller(batch), triggeredBy: 'schedule' as const }
    const taken = await reprocessRejections(client, desk, { ids, limit: atATime }, caller)
    if (taken.next !== null)
      await context.queue.send(
        'kki-apply',
        { batchId, takeUp: true },
        { client, singletonKey: `take-up-${batchId}-${taken.next}` }
      )
    return taken
  })
  if (order)
    logger.info(
      { rows: order.rows, next_run_id: order.runId },
      'refused endings whose person is known now are taken up'
    )
}
