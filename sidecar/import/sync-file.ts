import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { type Caller, recordAudit } from '../audit/record.ts'
import { RequestInvalid } from '../errors.ts'
import type { Identity } from '../identity/keys.ts'
import type { Transaction } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import { FenceLost } from '../registry/errors.ts'
import { findUnchanged } from '../registry/unchanged.ts'
import type { FileDescription } from '../source/file-description.ts'
import { type Batch, changeBatch, readBatch } from '../sync/batch.ts'
import { insertBatchRun } from '../sync/batch-run.ts'
import { IntegrationDisabled } from '../sync/errors.ts'
import { readPage } from '../sync/read-page.ts'
import { insertBatch } from '../sync/run.ts'
import { readSetting } from '../sync/settings.ts'
import { finishStaging, type PageMaker, type StagedRows, stageRows } from '../sync/stage-batch.ts'
import type { FileRow } from '../transform/row-reader.ts'
import type { Transform } from '../transform/transform.ts'
import { chunksOf } from './file-chunks.ts'
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
  /** The time at which a list without stamps was made. */
  asOf?: Date | undefined
  sheet?: string | undefined
  headerRow?: number | undefined
  encoding?: string | undefined
  apply?: 'auto' | 'hold' | undefined
}

export interface FileRunOptions {
  triggeredBy: 'operator' | 'api' | 'command'
  caller: Caller
}

export interface WholeFileOptions extends FileRunOptions, Pick<StageOptions, 'onProgress'> {
  /** The file's name in errors. */
  name: string
}

/** A run without stored rows. */
export interface FileRun {
  runId: number
  /** Its first batch. */
  batch: Batch
  asOf: string
  caller: Caller
}

export interface StageOptions {
  /** Called with the number of rows that were read so far. */
  onProgress?: ((rows: number) => void) | undefined
  signal?: AbortSignal
}

const rowsPerPage = 500

/**
 * Creates a run with the rows of a file from KKI, within the caller's transaction: all of them or none. The file must be open
 * for reading, and stays open. @throws ImportFileInvalid, RequestInvalid, IntegrationDisabled
 */
export async function syncFile(
  client: Transaction,
  context: FileRunContext,
  file: FileHandle,
  request: FileRunRequest,
  { name, onProgress, ...options }: WholeFileOptions
): Promise<{ runId: number; passedOver: PassedOver }> {
  try {
    const run = await createFileRun(client, context, file, request, options)
    return { runId: run.runId, passedOver: await stageFile(client, context, file, request, run, { onProgress }) }
  } catch (error) {
    throw faultOfFile(name, error)
  }
}

/** Creates the run for a file, within the caller's transaction. @throws RequestInvalid, IntegrationDisabled */
export async function createFileRun(
  client: Transaction,
  context: FileRunContext,
  file: FileHandle,
  request: FileRunRequest,
  { triggeredBy, caller }: FileRunOptions
): Promise<FileRun> {
  const now = new Date()
  checkStamp(context.description, request, now)
  if (!(await readSetting(client)).active) throw new IntegrationDisabled()
  const { format, apply } = request
  const asOf = (request.asOf ?? now).toISOString()
  const digest = await digestOf(file)
  const queued = await insertBatchRun(client, { kind: 'file', triggeredBy, caller, apply })
  const { runId } = queued
  const reading = readingOf(digest, context, asOf)
  await client.query('update kki.run set request_digest = $2 where id = $1', [runId, reading])
  const detail = { mode: 'file', format, digest, asOf, apply, triggeredBy }
  await recordAudit(client, { ...caller, action: 'run.created', runId, detail })
  return { runId, asOf, caller, batch: await beginFetching(client, queued) }
}

/**
 * Stages the rows of a file in the run that was created for it, within the caller's transaction: all of them or none. Its
 * batches are planned, evaluated and applied like those of a walk. Rows of professions that the setting excludes are skipped,
 * because a walk does not ask for them either; the result counts them. The run can be cancelled meanwhile.
 * @throws FileFault, TextUnreadable; FenceLost if the run was cancelled
 */
export async function stageFile(
  client: Transaction,
  context: FileRunContext,
  file: FileHandle,
  request: FileRunRequest,
  { runId, batch: first, asOf, caller }: FileRun,
  { onProgress, signal }: StageOptions = {}
): Promise<PassedOver> {
  await holdBatch(client, first)
  const { professions } = await readSetting(client)
  const passedOver = nothingPassedOver()
  const isWanted = (profession: string | null) => {
    const isOther = profession !== null && professions?.includes(profession) === false
    if (isOther) passedOver.otherProfessions++
    return !isOther
  }
  const rows = readRows(file, { ...request, description: context.description, passedOver })
  const pages = pagesOf(rows, { client, context, asOf, now: Date.now(), isWanted, onProgress, signal })
  try {
    let page = await pages.next()
    if (page.done) throw new FileFault({}, 'noRecords')
    const parts: StagedRows[] = []
    for (let batch = first; !page.done; ) {
      if (parts.length > 0) batch = await beginFetching(client, await insertNext(client, runId))
      const cut = new BatchCut(page.value, pages, context.batchRows)
      parts.push(await stageRows(client, context, batch, cut.pages()))
      page = cut.next
    }
    // The last step, because from here on a request to cancel the run must wait.
    for (const part of parts) await finishStaging(client, context, part)
    const sum = (counter: 'fetched' | 'rejected') => parts.reduce((total, { counts }) => total + counts[counter], 0)
    const detail = { fetched: sum('fetched'), rejected: sum('rejected'), batches: parts.length, passedOver }
    await recordAudit(client, { ...caller, action: 'file.staged', runId, detail })
    return passedOver
  } finally {
    await pages.return()
  }
}

/** Reads a file to its end and stores nothing. @throws FileFault, TextUnreadable, RequestInvalid, the signal's reason */
export async function checkFile(
  { description }: Pick<FileRunContext, 'description'>,
  file: FileHandle,
  request: FileRunRequest,
  signal: AbortSignal
): Promise<void> {
  checkStamp(description, request, new Date())
  let isEmpty = true
  for await (const _ of readRows(file, { ...request, description, passedOver: nothingPassedOver(), signal })) {
    isEmpty = false
  }
  if (isEmpty) throw new FileFault({}, 'noRecords')
}

function beginFetching(client: Transaction, queued: Batch): Promise<Batch> {
  return changeBatch(client, queued, { state: 'fetching', fetch_started_at: 'now' })
}

async function insertNext(client: Transaction, runId: number): Promise<Batch> {
  return (await readBatch(client, await insertBatch(client, runId))) as Batch
}

/** Locks the batch while its rows are stored, so that others see this; they can still change the batch. @throws FenceLost */
async function holdBatch(client: Transaction, { id, fence }: Batch): Promise<void> {
  const { rowCount } = await client.query(
    `select from kki.batch where id = $1 and fence = $2 and state = 'fetching' for key share`,
    [id, fence]
  )
  if (rowCount === 0) throw new FenceLost(id)
}

/** Requires a time for rows without a stamp. Otherwise such a row would count as KKI's newest. */
function checkStamp({ columns }: FileDescription, { asOf }: FileRunRequest, now: Date): void {
  if (columns.changedAt !== undefined) {
    if (asOf) throw new RequestInvalid('asOf', 'has no effect: each row has its own stamp')
  } else if (!asOf) {
    throw new RequestInvalid('asOf', 'is required: the file has no column that says when a row was changed')
  } else if (asOf > now) throw new RequestInvalid('asOf', 'must not be in the future')
}

/** Returns a digest of the file and the way it is read: two runs with the same digest have the same rows. */
function readingOf(digest: string, { description }: FileRunContext, asOf: string): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([digest, description, asOf]))
    .digest()
}

async function digestOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of chunksOf(file)) hash.update(chunk)
  return hash.digest('hex')
}

type Pages = AsyncGenerator<CountedPage, void, void>

interface CountedPage {
  rows: number
  make: PageMaker
}

/** Takes the pages of one batch from the pages of the file. */
class BatchCut {
  /** The first page after the batch. */
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
  onProgress: StageOptions['onProgress']
  signal: AbortSignal | undefined
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
    options.signal?.throwIfAborted()
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
