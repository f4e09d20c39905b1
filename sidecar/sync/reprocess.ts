import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import { holdIdentity } from '../identity/digest-key.ts'
import { insertBatchRun } from './batch-run.ts'
import { type DeskCaller, type DeskContext, type Selected, type Selection, selectOpen } from './open-rejections.ts'
import { type PageMaker, stageBatch } from './stage-batch.ts'
import { pageOfRows, pagesOfWaitingRows, type Untaken } from './stored-rows.ts'

export interface Reprocessed extends Selected {
  /** Null where there was no row to take up. */
  runId: number | null
  rows: number
  /** Rows that are no longer kept; a retry asks KKI for them. */
  purged: number
  /** Rows whose sealed value does not fit where it stands; each is audited. */
  unfit: number
}

/** Runs the stored rows of open rejections through the present mapping, as one batch, within the caller's transaction. */
export async function reprocessRejections(
  client: pg.ClientBase,
  context: DeskContext,
  selection: Selection,
  caller: DeskCaller
): Promise<Reprocessed> {
  // Before the rejections are locked, as a switch of the digest key has it.
  const identity = await holdIdentity(client, context.identity)
  const selected = await selectOpen(client, { ...selection, source: 'kki' })
  const untaken: Untaken = { purged: 0, faults: [] }
  const rows = pagesOfWaitingRows(client, identity, selected.ids, untaken)
  // The first page before the batch: where nothing is kept there is nothing to make a batch of.
  const first = await rows.next()
  if (first.done) {
    await auditSealFaults(client, caller, untaken.faults)
    return { ...selected, runId: null, rows: 0, purged: untaken.purged, unfit: untaken.faults.length }
  }
  const queued = await insertBatchRun(client, {
    kind: 'retry',
    triggeredBy: caller.triggeredBy,
    caller
  })
  const batch = await stageBatch(client, context, queued, toPages(context, startingWith(first.value, rows)))
  const [purged, unfit] = [untaken.purged, untaken.faults.length]
  await auditSealFaults(client, caller, untaken.faults, batch.id)
  await recordAudit(client, {
    ...caller,
    action: 'rejection.reprocessed',
    runId: batch.runId,
    batchId: batch.id,
    detail: {
      rejections: selected.ids.length,
      rows: batch.fetched,
      purged,
      ...(unfit > 0 && { unfit }),
      ...(selection.code && { code: selection.code })
    }
  })
  return { ...selected, runId: batch.runId, rows: batch.fetched, purged, unfit }
}

async function* toPages(context: DeskContext, pages: AsyncIterable<string[]>): AsyncGenerator<PageMaker, void, void> {
  for await (const raws of pages) yield pageOfRows(context, raws)
}

async function* startingWith<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  yield first
  yield* rest
}
