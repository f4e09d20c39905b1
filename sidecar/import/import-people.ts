import { type Caller, recordAudit } from '../audit/record.ts'
import type { Identity } from '../identity/keys.ts'
import type { Transaction } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import type { PageWriter, PreparedPage } from '../registry/page-writer.ts'
import type { Batch } from '../sync/batch.ts'
import { insertBatchRun } from '../sync/batch-run.ts'
import { type PageMaker, stageBatch } from '../sync/stage-batch.ts'
import type { OwnTransform } from '../transform/own-person.ts'

export interface ImportContext {
  queue: JobQueue
  identity: Identity
  transform: OwnTransform
}

export interface ImportOptions {
  caller: Caller
  /** Called with the number of records that were read so far. */
  onProgress?: (records: number) => void
}

const recordsPerPage = 500

/**
 * Imports SDMK's own people as a batch with a plan and a ledger like any other, within the caller's transaction: all of them or
 * none. @throws ImportFileInvalid, and any other error while the records are read
 */
export async function importPeople(
  client: Transaction,
  context: ImportContext,
  records: AsyncIterable<unknown> | Iterable<unknown>,
  { caller, onProgress }: ImportOptions
): Promise<Batch> {
  const queued = await insertBatchRun(client, {
    kind: 'import',
    triggeredBy: 'command',
    caller
  })
  const batch = await stageBatch(client, context, queued, pagesOf(records, context.transform, onProgress))
  await recordAudit(client, {
    ...caller,
    action: 'import.staged',
    runId: batch.runId,
    batchId: batch.id,
    detail: { fetched: batch.fetched, rejected: batch.rejected }
  })
  return batch
}

async function* pagesOf(
  records: AsyncIterable<unknown> | Iterable<unknown>,
  transform: OwnTransform,
  onProgress: ImportOptions['onProgress']
): AsyncGenerator<PageMaker, void, void> {
  let page: unknown[] = []
  let count = 0
  for await (const record of records) {
    page.push(record)
    count += 1
    if (page.length < recordsPerPage) continue
    const full = page
    page = []
    yield writer => toPage(full, writer, transform)
    onProgress?.(count)
  }
  if (page.length > 0) yield writer => toPage(page, writer, transform)
  onProgress?.(count)
}

async function toPage(records: unknown[], writer: PageWriter, transform: OwnTransform): Promise<PreparedPage> {
  const now = Date.now()
  await writer.expect(records.length)
  for (const [i, record] of records.entries()) {
    const result = transform(record, now)
    if (result.ok) writer.add(i + 1, result.value)
    else {
      const { strNumber, profession, rejections: problems } = result
      writer.reject(i + 1, { strNumber, profession, problems, urgent: false, raw: JSON.stringify(record) })
    }
  }
  return writer.finish(Buffer.from(JSON.stringify({ data: records })))
}
