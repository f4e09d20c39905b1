import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import type { Transaction } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import { inSpan } from '../platform/tracing.ts'
import { inTransaction } from '../platform/transaction.ts'
import { isLostRace } from '../registry/apply.ts'
import { type ForeseenUndo, foreseeUndo, type UndoReport, undoBatch } from '../registry/undo.ts'
import { type Batch, changeBatch, readBatch, takeBatch } from './batch.ts'
import { queueBatchJob, type Retraction } from './batch-job.ts'
import { closeRun } from './close-run.ts'
import { lockBatch } from './decide.ts'
import { BatchNotFound, BatchStateConflict } from './errors.ts'
import { type ApplyContext, maxReplans, today } from './plan-and-apply.ts'
import { type Refetch, requestRefetch } from './refetch.ts'

/** Records and queues the order to undo a batch, within the caller's transaction. @throws BatchNotFound, BatchStateConflict */
export async function orderUndo(
  client: pg.ClientBase,
  queue: JobQueue,
  batchId: number,
  undo: Retraction
): Promise<void> {
  const batch = await lockBatch(client, batchId, ['applied'])
  const { reason, caller } = undo
  await recordAudit(client, {
    ...caller,
    action: 'batch.undo_ordered',
    runId: batch.runId,
    batchId,
    detail: { reason }
  })
  await queueBatchJob(client, queue, { kind: 'undo', batchId, undo })
}

/**
 * Undoes an applied batch, in one transaction, and records the restored and the kept changes. The watermark does not move.
 * The next incremental run fetches the window again and is held for a person.
 */
export async function carryOutUndo(context: ApplyContext, batchId: number, order: Retraction): Promise<void> {
  const { database, logger } = context
  for (let attempt = 1; ; attempt++) {
    try {
      const report = await inSpan('undo', {}, () =>
        database.withTransaction(client => undoWithin(client, context, batchId, order))
      )
      if (report === null) return
      const { left: _, ...counts } = report
      return logger.info({ counts }, 'the batch is undone')
    } catch (error) {
      if (!isLostRace(error) || attempt > maxReplans) throw error
      logger.warn({ err: error, attempt }, 'another batch was in the way; the batch is undone again')
    }
  }
}

async function undoWithin(
  client: Transaction,
  { identity, timeZone }: ApplyContext,
  batchId: number,
  { reason, caller }: Retraction
): Promise<UndoReport | null> {
  const taken = await takeBatch(client, batchId, ['applied'])
  if (taken === null) return null
  // Read the rejections first: afterwards it is not stored which ones the undo reopened.
  client.notifyOdoo({ rejections: await rejectionsClosedBy(client, batchId) })
  const refetch = await windowOf(client, taken)
  const report = await undoBatch(client, batchId, identity, await today(client, timeZone))
  client.notifyOdoo({ changesOf: batchId })
  const batch = await changeBatch(client, taken, { state: 'undone', undone_at: 'now' })
  await recordAudit(client, {
    ...caller,
    action: 'batch.undone',
    runId: batch.runId,
    batchId,
    detail: { reason, ...report }
  })
  if (refetch) await requestRefetch(client, batchId, refetch)
  await closeRun(client, batch.runId)
  return report
}

/**
 * Returns the window that must be fetched again after the undo: the window of the run, or for a retry the range of stamps that
 * it stored. Null if KKI has nothing to send again.
 */
async function windowOf(client: pg.ClientBase, batch: Batch): Promise<Refetch | null> {
  const { kind, windowSince, windowUntil, runProfessions } = batch
  if (kind === 'retry') return stampsOf(client, batch.id)
  if (windowUntil === null) return null
  return { since: kind === 'full' ? null : windowSince, until: windowUntil, professions: runProfessions }
}

async function stampsOf(client: pg.ClientBase, batchId: number): Promise<Refetch | null> {
  const { rows } = await client.query<{ since: Date | null; until: Date | null }>(
    `select min(r.source_at) as since, max(r.source_at) + interval '1 ms' as until
    from kki.change c join sdmk.registration r on r.id = c.registration_id
    where c.batch_id = $1 and isfinite(r.source_at)`,
    [batchId]
  )
  const { since = null, until = null } = rows[0] ?? {}
  return until === null ? null : { since, until, professions: null }
}

async function rejectionsClosedBy(client: pg.ClientBase, batchId: number): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>('select id from kki.rejection where closed_by_batch_id = $1', [
    batchId
  ])
  return rows.map(({ id }) => id)
}

/** Returns the effects that an undo of an applied batch would have now. @throws BatchNotFound, BatchStateConflict */
export async function previewUndo(pool: pg.Pool, batchId: number): Promise<ForeseenUndo> {
  const batch = await readBatch(pool, batchId)
  if (!batch) throw new BatchNotFound(batchId)
  if (batch.state !== 'applied') throw new BatchStateConflict(batchId, batch.state, ['applied'])
  return inTransaction(pool, client => foreseeUndo(client, batchId), { end: 'rollback' })
}
