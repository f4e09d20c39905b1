import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { holdDigestKey } from '../identity/digest-key.ts'
import { touch } from '../platform/touched.ts'
import { findNowKnown } from '../registry/waiting.ts'
import { readBatch } from './batch.ts'
import type { DeskContext } from './open-rejections.ts'
import { type ApplyContext, sidecarCaller } from './plan-and-apply.ts'
import { reprocessRejections } from './reprocess.ts'

type TakeUpContext = Pick<ApplyContext, 'database' | 'queue' | 'logger'>

/** Rejections that are taken up in one batch; what is left follows in the next. */
const atATime = 10_000

/**
 * Takes up the refused rows whose person, licence or NIK an applied batch has brought, so that it does not matter which of
 * two batches came first. Without it a revocation that KKI sent before the licence it ends would leave that one active.
 * `after`: the rejection that an earlier call ended with.
 */
export async function takeUpNowKnown(
  context: TakeUpContext,
  desk: DeskContext,
  batchId: number,
  { after = 0, limit = atATime }: { after?: number | undefined; limit?: number } = {}
): Promise<void> {
  const { database, logger } = context
  const batch = await readBatch(database.pool, batchId)
  if (batch === null) return
  const order = await database.withTransaction(async client => {
    const ids = await findNowKnown(client, batchId)
    if (ids.length === 0) return null
    const caller = { ...sidecarCaller(batch), triggeredBy: 'schedule' as const }
    // Before the rejections are locked, as a switch of the digest key has it.
    await holdDigestKey(client)
    await reopenDismissed(client, ids, caller)
    const taken = await reprocessRejections(client, desk, { ids, after, limit }, caller)
    if (taken.next !== null)
      await context.queue.send(
        'kki-apply',
        { batchId, takeUp: true, after: taken.next },
        { client, singletonKey: `take-up-${batchId}-${taken.next}` }
      )
    return taken
  })
  if (order)
    logger.info(
      { rows: order.rows, next_run_id: order.runId },
      'refused rows whose person or licence is known now are taken up'
    )
}

/** Somebody dismissed them while they were of nobody known; an ending of somebody known is never lost. */
async function reopenDismissed(client: pg.ClientBase, ids: readonly number[], caller: Caller): Promise<void> {
  const { rows } = await client.query<{ id: number }>(
    `update kki.rejection d
    set state = 'open', decided_at = null, decided_by = null, decision_reason = null, version = nextval('sdmk.version_seq')
    where d.id = any ($1::bigint[]) and d.state = 'dismissed' and not exists (
      select from kki.rejection o
      where o.state = 'open' and o.source = d.source and o.subject = d.subject and o.code = d.code
    )
    returning d.id`,
    [ids]
  )
  if (rows.length === 0) return
  const rejectionIds = rows.map(({ id }) => id)
  touch(client, 'rejections', ...rejectionIds)
  await recordAudit(client, { ...caller, action: 'rejection.reopened', detail: { rejectionIds } })
}
