import type { FastifyBaseLogger } from 'fastify'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import type { Database, Transaction } from '../platform/database.ts'
import { findAffected } from '../registry/pending.ts'
import { readBatch } from './batch.ts'
import { queueBatchJob } from './batch-job.ts'
import { insertBatchRun } from './batch-run.ts'
import { type ReviewCaller, type ReviewContext, type Selected, type Selection, selectOpen } from './open-rejections.ts'
import { sidecarCaller } from './plan-and-apply.ts'
import { type PageMaker, stageBatch } from './stage-batch.ts'
import { pageOfRows, pagesOfPendingRows, type Skipped } from './stored-rows.ts'

interface Reprocessing {
  /** Null if there is no row to plan. */
  runId: number | null
  rows: number
  /** Rows that are no longer stored; a retry requests them from KKI. */
  purged: number
  /** Rows whose sealed value belongs to another row or field; each is audited. */
  unfit: number
}

/** Rejections that are reprocessed in one batch; the others follow in the next. */
const atATime = 10_000

/** Reprocesses open rejections that a person selects, within the caller's transaction. */
export async function reprocessSelected(
  client: Transaction,
  context: ReviewContext,
  selection: Selection,
  caller: ReviewCaller
): Promise<Selected & Reprocessing> {
  const selected = await selectOpen(client, { ...selection, source: 'kki' })
  return { ...selected, ...(await reprocess(client, context, selected.ids, caller, selection.code)) }
}

/**
 * Reprocesses the rejections that a change by an applied batch may settle. So the order of two batches does not matter, for
 * example if a revocation comes before its licence. It ends, because a batch without changes causes no further reprocessing.
 */
export async function reprocessAffected(
  { database, logger }: { database: Database; logger: FastifyBaseLogger },
  context: ReviewContext,
  batchId: number,
  { after, limit = atATime }: { after: number; limit?: number }
): Promise<void> {
  const batch = await readBatch(database.pool, batchId)
  if (batch === null) return
  const caller = { ...sidecarCaller(batch), triggeredBy: 'schedule' as const }
  const order = await database.withTransaction(async client => {
    const ids = await findAffected(client, batchId, { after, limit })
    const last = ids.at(-1)
    if (last === undefined) return null
    if (ids.length === limit) await queueBatchJob(client, context.queue, { kind: 'reprocess', batchId, after: last })
    return reprocess(client, context, ids, caller)
  })
  if (order) logger.info({ rows: order.rows, next_run_id: order.runId }, 'pending rows are planned again')
}

/** Plans the pending rows of these rejections by the present mapping, as one batch, within the caller's transaction. */
async function reprocess(
  client: Transaction,
  context: ReviewContext,
  ids: readonly number[],
  caller: ReviewCaller,
  code?: string
): Promise<Reprocessing> {
  const skipped: Skipped = { purged: 0, faults: [] }
  const rows = pagesOfPendingRows(client, context.identity, ids, skipped)
  // The first page is read before the batch is created: without rows there is no batch.
  const first = await rows.next()
  if (first.done) {
    await auditSealFaults(client, caller, skipped.faults)
    return { runId: null, rows: 0, purged: skipped.purged, unfit: skipped.faults.length }
  }
  const queued = await insertBatchRun(client, { kind: 'retry', triggeredBy: caller.triggeredBy, caller })
  const batch = await stageBatch(client, context, queued, toPages(context, first.value, rows))
  const [purged, unfit] = [skipped.purged, skipped.faults.length]
  await auditSealFaults(client, caller, skipped.faults, batch.id)
  await recordAudit(client, {
    ...caller,
    action: 'rejection.reprocessed',
    runId: batch.runId,
    batchId: batch.id,
    detail: { rejections: ids.length, rows: batch.fetched, purged, ...(unfit > 0 && { unfit }), ...(code && { code }) }
  })
  return { runId: batch.runId, rows: batch.fetched, purged, unfit }
}

async function* toPages(
  context: ReviewContext,
  first: string[],
  others: AsyncIterable<string[]>
): AsyncGenerator<PageMaker, void, void> {
  yield pageOfRows(context, first)
  for await (const raws of others) yield pageOfRows(context, raws)
}
