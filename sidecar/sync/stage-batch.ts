import type pg from 'pg'
import type { JobQueue } from '../platform/queue.ts'
import { holdIdentity } from '../registry/digest-key.ts'
import type { IdentityKeys } from '../registry/identity.ts'
import { openStaging, preparePage, type StagedPage, stagePages } from '../registry/stage.ts'
import { type Batch, changeBatch } from './batch.ts'

/** Where a page stands in its batch; both count from 1. */
export interface PagePlace {
  page: number
  firstRowNo: number
}

export type PageMaker = (place: PagePlace) => StagedPage | Promise<StagedPage>

/**
 * Stages pages that are at hand as those of a queued batch, and queues its plan, all within the caller's transaction:
 * either the batch is whole or it was never there. One page is in memory at a time.
 */
export async function stageBatch(
  client: pg.ClientBase,
  { queue, identity: keys }: { queue: JobQueue; identity: IdentityKeys },
  queued: Batch,
  pages: AsyncIterable<PageMaker> | Iterable<PageMaker>
): Promise<Batch> {
  const identity = await holdIdentity(client, keys)
  await openStaging(client, queued.id)
  const batch = await changeBatch(client, queued, { state: 'fetching', fetch_started_at: 'now' })
  const counts = { pages: 0, fetched: 0, rejected: 0 }
  for await (const makePage of pages) {
    const made = await makePage({ page: counts.pages + 1, firstRowNo: counts.fetched + 1 })
    const page = await preparePage(batch.id, identity, made)
    await stagePages(client, batch.id, [page])
    counts.pages += 1
    counts.fetched += page.rowCount
    counts.rejected += page.rejectionCount
  }
  const staged = await changeBatch(client, batch, { ...counts, fetched_at: 'now' })
  await queue.send('kki-apply', { batchId: batch.id }, { client, singletonKey: String(batch.id) })
  return staged
}
