import type pg from 'pg'
import { recordAudit } from '../audit.ts'
import { insertBatchRun } from '../batch-run.ts'
import { type DeskCaller, type DeskContext, deskPartition, type Selected, type Selection, selectOpen } from './desk.ts'
import { pagesOfWaitingRows, stageStoredRows } from './stored-rows.ts'

export interface Reprocessed extends Selected {
  /** Null where there was no row to take up. */
  runId: number | null
  rows: number
  /** Rows that are no longer kept; a retry asks KKI for them. */
  purged: number
}

/** Runs the stored rows of open rejections through the present mapping, as one batch, within the caller's transaction. */
export async function reprocessRejections(
  client: pg.ClientBase,
  context: DeskContext,
  selection: Selection,
  caller: DeskCaller
): Promise<Reprocessed> {
  const selected = await selectOpen(client, selection)
  let purged = 0
  const pages = pagesOfWaitingRows(client, context.identity, selected.ids, count => {
    purged += count
  })
  // The first page before the batch: where nothing is kept there is nothing to make a batch of.
  const first = await pages.next()
  if (first.done) return { ...selected, runId: null, rows: 0, purged }
  const queued = await insertBatchRun(client, {
    kind: 'retry',
    partition: deskPartition,
    triggeredBy: caller.triggeredBy,
    caller
  })
  const batch = await stageStoredRows(client, context, queued, startingWith(first.value, pages))
  await recordAudit(client, {
    ...caller,
    action: 'rejection.reprocessed',
    runId: batch.runId,
    batchId: batch.id,
    detail: {
      rejections: selected.ids.length,
      rows: batch.fetched,
      purged,
      ...(selection.code && { code: selection.code })
    }
  })
  return { ...selected, runId: batch.runId, rows: batch.fetched, purged }
}

async function* startingWith<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  yield first
  yield* rest
}
