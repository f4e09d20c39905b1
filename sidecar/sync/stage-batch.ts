import type { Identity } from '../identity/keys.ts'
import type { Transaction } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import { PageWriter, type PreparedPage } from '../registry/page-writer.ts'
import { takePersonIdsFrom } from '../registry/person-ids.ts'
import { openStaging, stagePages } from '../registry/stage.ts'
import { type Batch, changeBatch } from './batch.ts'
import { queueBatchJob } from './batch-job.ts'

/** Writes one page of a batch. */
export type PageMaker = (writer: PageWriter) => PreparedPage | Promise<PreparedPage>

/**
 * Stages the given pages in a queued batch, and queues its plan, all within the caller's transaction. So the batch is either
 * complete or absent. Only one page at a time is in memory.
 */
export async function stageBatch(
  client: Transaction,
  context: { queue: JobQueue; identity: Identity },
  queued: Batch,
  pages: AsyncIterable<PageMaker> | Iterable<PageMaker>
): Promise<Batch> {
  const batch = await changeBatch(client, queued, { state: 'fetching', fetch_started_at: 'now' })
  return finishStaging(client, context, await stageRows(client, context, batch, pages))
}

/** A batch that is being fetched, and the counts of the rows that the present transaction stored for it. */
export interface StagedRows {
  batch: Batch
  counts: Pick<Batch, 'pages' | 'fetched' | 'rejected'>
}

/** Stores the rows of a batch, but does not change the batch itself, so that others can change it until `finishStaging`. */
export async function stageRows(
  client: Transaction,
  { identity }: { identity: Identity },
  batch: Batch,
  pages: AsyncIterable<PageMaker> | Iterable<PageMaker>
): Promise<StagedRows> {
  await openStaging(client, batch.id)
  const source = batch.kind === 'import' ? 'sdmk' : 'kki'
  const writer = new PageWriter({ id: batch.id, source }, identity, takePersonIdsFrom(client))
  const counts = { pages: 0, fetched: 0, rejected: 0 }
  for await (const makePage of pages) {
    const page = await makePage(writer)
    await stagePages(client, batch.id, [page])
    writer.giveBack([page])
    counts.pages += 1
    counts.fetched += page.rowCount
    counts.rejected += page.rejectionCount
  }
  return { batch, counts }
}

/** Marks a batch as staged, and queues its plan. @throws FenceLost if the batch has been ended meanwhile */
export async function finishStaging(
  client: Transaction,
  { queue }: { queue: JobQueue },
  { batch, counts }: StagedRows
): Promise<Batch> {
  const staged = await changeBatch(client, batch, { ...counts, state: 'staged', fetched_at: 'now' })
  await queueBatchJob(client, queue, { kind: 'apply', batchId: batch.id })
  return staged
}
