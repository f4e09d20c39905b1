import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { type Caller, recordAudit } from '../audit/record.ts'
import { RequestInvalid } from '../errors.ts'
import type { Identity } from '../identity/keys.ts'
import type { Transaction } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import { findUnchanged } from '../registry/unchanged.ts'
import type { FileDescription } from '../source/file-description.ts'
import { type Batch, readBatch } from '../sync/batch.ts'
import { insertBatchRun } from '../sync/batch-run.ts'
import { IntegrationDisabled } from '../sync/errors.ts'
import { readPage } from '../sync/read-page.ts'
import { insertBatch } from '../sync/run.ts'
import { readSetting } from '../sync/settings.ts'
import { type PageMaker, stageBatch } from '../sync/stage-batch.ts'
import type { FileRow } from '../transform/row-reader.ts'
import type { Transform } from '../transform/transform.ts'
import { FileFault } from './file-fault.ts'
import { faultOfFile } from './read-file.ts'
import { type FileFormat, nothingPassedOver, type PassedOver, type ReadRow, readRows } from './read-rows.ts'

export interface FileRunContext {
  queue: JobQueue
  identity: Identity
  transform: Transform
  description: FileDescription
  /** Rows after which a batch ends. */
  batchRows: number
  maxSkewSeconds: number
}

export interface FileRunRequest {
  format: FileFormat
  /** The time for which a list without stamps holds. */
  asOf?: Date | undefined
  sheet?: string | undefined
  headerRow?: number | undefined
  encoding?: string | undefined
  apply?: 'auto' | 'hold' | undefined
}

export interface FileRunOptions {
  /** What errors call the file. */
  name: string
  triggeredBy: 'operator' | 'api' | 'command'
  caller: Caller
  /** Called with the number of rows that were read so far. */
  onProgress?: (rows: number) => void
}

const rowsPerPage = 500

/**
 * Stages the rows of a file that KKI sent as a run, within the caller's transaction: whole, or not at all. Its batches are
 * planned, judged and applied like those of a walk. Rows of professions that the setting leaves out are passed over, as a walk
 * does not ask for them. The file is open for reading, and stays open.
 * @throws ImportFileInvalid, RequestInvalid, IntegrationDisabled
 */
export async function syncFile(
  client: Transaction,
  context: FileRunContext,
  file: FileHandle,
  request: FileRunRequest,
  { name, triggeredBy, caller, onProgress }: FileRunOptions
): Promise<{ runId: number; passedOver: PassedOver }> {
  const now = Date.now()
  checkStamp(context.description, request, now)
  const { active, professions } = await readSetting(client)
  if (!active) throw new IntegrationDisabled()
  const digest = await digestOf(file)
  const passedOver = nothingPassedOver()
  const isWanted = (profession: string | null) => {
    const isOther = profession !== null && professions?.includes(profession) === false
    if (isOther) passedOver.otherProfessions++
    return !isOther
  }
  const asOf = (request.asOf ?? new Date(now)).toISOString()
  const rows = readRows(file, { ...request, description: context.description, passedOver })
  const pages = pagesOf(rows, { client, context, asOf, now, isWanted, onProgress })
  try {
    let page = await pages.next()
    if (page.done) throw new FileFault({}, 'noRecords')
    let batch = await insertBatchRun(client, { kind: 'file', triggeredBy, caller, apply: request.apply })
    const { runId } = batch
    await client.query('update kki.run set request_digest = $2 where id = $1', [
      runId,
      readingOf(digest, context, asOf)
    ])
    let [fetched, rejected, batches] = [0, 0, 0]
    while (!page.done) {
      if (batches > 0) batch = (await readBatch(client, await insertBatch(client, runId))) as Batch
      const cut = new BatchCut(page.value, pages, context.batchRows)
      const staged = await stageBatch(client, context, batch, cut.pages())
      batches++
      fetched += staged.fetched
      rejected += staged.rejected
      page = cut.next
    }
    const { format } = request
    const detail = { mode: 'file', format, digest, asOf, fetched, rejected, batches, passedOver, apply: request.apply }
    await recordAudit(client, { ...caller, action: 'run.created', runId, detail: { ...detail, triggeredBy } })
    return { runId, passedOver }
  } catch (error) {
    throw faultOfFile(name, error)
  } finally {
    await pages.return()
  }
}

/** A row without a stamp would be taken for the newest that KKI says. */
function checkStamp({ columns }: FileDescription, { asOf }: FileRunRequest, now: number): void {
  if (columns.changedAt !== undefined) {
    if (asOf) throw new RequestInvalid('asOf', 'has no effect: each row has a stamp of its own')
  } else if (!asOf) {
    throw new RequestInvalid('asOf', 'is required: the file has no column that says when a row was changed')
  } else if (asOf.getTime() > now) throw new RequestInvalid('asOf', 'must not be in the future')
}

/** Runs with the same value have read the same rows from their files. */
function readingOf(digest: string, { description }: FileRunContext, asOf: string): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([digest, description, asOf]))
    .digest()
}

async function digestOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) hash.update(chunk)
  return hash.digest('hex')
}

type Pages = AsyncGenerator<CountedPage, void, void>

interface CountedPage {
  rows: number
  make: PageMaker
}

/** The pages of one batch, of the many that a file has. */
class BatchCut {
  /** The page after the batch. */
  next: IteratorResult<CountedPage, void>
  readonly #pages: Pages
  readonly #maxRows: number

  constructor(first: CountedPage, pages: Pages, maxRows: number) {
    this.next = { done: false, value: first }
    this.#pages = pages
    this.#maxRows = maxRows
  }

  async *pages(): AsyncGenerator<PageMaker, void, void> {
    for (let rows = 0; !this.next.done && rows < this.#maxRows; ) {
      rows += this.next.value.rows
      yield this.next.value.make
      this.next = await this.#pages.next()
    }
  }
}

interface PageOptions {
  client: Transaction
  context: FileRunContext
  asOf: string
  now: number
  isWanted: (profession: string | null) => boolean
  onProgress: FileRunOptions['onProgress']
}

async function* pagesOf(rows: AsyncIterable<ReadRow>, options: PageOptions): Pages {
  let page: FileRow[] = []
  let count = 0
  for await (const row of rows) {
    page.push({ ...row, asOf: options.asOf })
    count++
    if (page.length < rowsPerPage) continue
    yield toPage(page, options)
    options.onProgress?.(count)
    page = []
  }
  if (page.length > 0) yield toPage(page, options)
  options.onProgress?.(count)
}

function toPage(rows: FileRow[], { client, context, now, isWanted }: PageOptions): CountedPage {
  const { transform, maxSkewSeconds } = context
  return {
    rows: rows.length,
    make: writer =>
      readPage({ rows, body: Buffer.from(JSON.stringify({ data: rows })), sourceNow: now }, writer, {
        transform,
        maxSkewMs: maxSkewSeconds * 1000,
        isWanted,
        findUnchanged: digested => findUnchanged(client, digested)
      })
  }
}
