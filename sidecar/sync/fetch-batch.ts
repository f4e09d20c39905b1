import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import type { SdmkError } from '../errors.ts'
import { readIdentity } from '../identity/digest-key.ts'
import { DigestKeyChanged, SealFault } from '../identity/errors.ts'
import type { IdentityKeys } from '../identity/keys.ts'
import { cursorOf } from '../identity/seal-place.ts'
import { KkiBreakerOpen, KkiError, KkiRefused, KkiRetryLater } from '../kki/errors.ts'
import { walkPages } from '../kki/pages.ts'
import type { CallContext, KkiPage } from '../kki/types.ts'
import type { Database } from '../platform/database.ts'
import { inSpan } from '../platform/tracing.ts'
import { FenceLost } from '../registry/errors.ts'
import { KnownRows } from '../registry/known.ts'
import { PageWriter, type PreparedPage } from '../registry/page-writer.ts'
import { takePersonIdsFrom } from '../registry/person-ids.ts'
import { openStaging, stagePages } from '../registry/stage.ts'
import { compilePointer } from '../transform/fields.ts'
import type { Mapping } from '../transform/mapping.ts'
import { type Batch, changeBatch, type HoldReason, takeBatch, workStates } from './batch.ts'
import { queueCensus } from './census.ts'
import { WatermarkAhead, WindowInverted } from './errors.ts'
import { failBatch } from './fail-batch.ts'
import { askAgain } from './fetch-again.ts'
import type { FetchContext, FetchOptions } from './fetch-context.ts'
import { FormatErrorLog } from './format-errors.ts'
import { sidecarCaller } from './plan-and-apply.ts'
import { readPage } from './read-page.ts'
import { readUndoneSince } from './refetch.ts'
import { readWatermark } from './watermark.ts'

/** Pages that share a transaction: fewer cost commits, more cost memory and work done twice after a crash. */
const pagesPerTransaction = 4

/**
 * Walks the window of a batch and stages what it finds, from where an earlier attempt got to; when all is staged, queues
 * the plan. What KKI or the rows do wrong is recorded with the batch; only what is no fault of theirs (a lost database, a
 * stopping process, a defect) is thrown, and counted by `attemptBatch`.
 */
export async function fetchBatch(context: FetchContext, batchId: number, signal: AbortSignal): Promise<void> {
  const { metrics, logger } = context
  const started = performance.now()
  const batch = await begin(context, batchId, signal)
  if (batch === null) return
  try {
    await (batch.kind === 'retry' ? askAgain : walk)(context, batch, call(batch, signal))
    metrics.phaseEnded('fetch', (performance.now() - started) / 1000)
    logger.info('all pages of the batch are staged')
  } catch (error) {
    if (error instanceof FenceLost) return logger.info({ err: error }, 'the batch was taken over')
    if (error instanceof SealFault) return startOver(context, batch, 'cursor unreadable', error)
    if (error instanceof DigestKeyChanged) return goOn(context, batch, error)
    if (error instanceof WindowInverted) return fail(context, batch, error)
    if (signal.aborted || !(error instanceof KkiError)) throw error
    if (error instanceof KkiRetryLater || error instanceof KkiBreakerOpen) return postpone(context, batch, error)
    const isOfCursor = error instanceof KkiRefused && error.status === 400
    if (isOfCursor && batch.cursor !== null && batch.kind !== 'retry' && (await mayStartOver(context.database, batch)))
      return startOver(context, batch, 'cursor refused')
    await fail(context, batch, error)
  }
}

async function fail({ database, metrics, logger }: FetchContext, batch: Batch, error: SdmkError): Promise<void> {
  await failBatch(database, batch, error)
  metrics.batchEnded('failed')
  logger.error({ err: error, code: error.code }, 'the batch failed')
}

/** Takes the batch and makes sure that what is staged is what its counters say; otherwise empties it. */
async function begin(context: FetchContext, batchId: number, signal: AbortSignal): Promise<Batch | null> {
  const taken = await context.database.withTransaction(async client => {
    const batch = await takeBatch(client, batchId, workStates.fetch)
    if (batch === null || batch.fetchedAt !== null) return null
    if (batch.state === 'fetching' && (await isStagedAsCounted(client, batch))) return batch
    await openStaging(client, batchId)
    return changeBatch(client, batch, {
      state: 'fetching',
      fetch_started_at: 'now',
      cursor: null,
      pages: 0,
      passed_over: 0,
      fetched: 0,
      rejected: 0
    })
  })
  if (taken === null || taken.sourceTime !== null || taken.kind === 'retry') return taken
  return setWindow(context, taken, signal)
}

async function isStagedAsCounted(client: Parameters<typeof takeBatch>[0], batch: Batch): Promise<boolean> {
  const { rows } = await client.query<{ staged: number; pages: number }>(
    `select
      (select count(*) from kki.staged_row where batch_id = $1)
        + (select coalesce(sum(cardinality(row_nos)), 0)::bigint from kki.staged_known where batch_id = $1)
        + (select count(*) from kki.staged_rejection where batch_id = $1) as staged,
      (select count(*) from kki.staged_page where batch_id = $1) as pages`,
    [batch.id]
  )
  return rows[0]?.staged === batch.fetched && rows[0]?.pages === batch.pages
}

/**
 * Fixes the batch's window by KKI's own clock, so that an attempt after a crash walks the same one. Null where the batch waits
 * or has failed.
 */
async function setWindow(context: FetchContext, batch: Batch, signal: AbortSignal): Promise<Batch | null> {
  const { database, kki, options } = context
  let now: number
  try {
    now = await kki.now(call(batch, signal))
  } catch (error) {
    if (signal.aborted || !(error instanceof KkiError)) throw error
    if (error instanceof KkiRetryLater || error instanceof KkiBreakerOpen) await postpone(context, batch, error)
    else await fail(context, batch, error)
    return null
  }
  try {
    return await database.withTransaction(client => storeWindow(client, batch, now, options))
  } catch (error) {
    if (!(error instanceof WatermarkAhead)) throw error
    await fail(context, batch, error)
    return null
  }
}

/** @throws WatermarkAhead, FenceLost */
async function storeWindow(client: pg.ClientBase, batch: Batch, now: number, options: FetchOptions): Promise<Batch> {
  const undone = await readUndoneSince(client, batch)
  const watermark = batch.kind === 'incremental' ? await readWatermark(client, batch.partition) : null
  if (watermark?.isAhead) throw new WatermarkAhead(watermark.partition, watermark.position)
  const overlapped = watermark && new Date(watermark.position.getTime() - options.overlapSeconds * 1000)
  return changeBatch(client, batch, {
    // A watermark follows from this; it must never pass our own clock.
    source_time: new Date(Math.min(now, (await readClock(client)).getTime())),
    ...(undone && { hold_asked: [...new Set<HoldReason>([...batch.holdAsked, 'UNDONE_WINDOW'])] }),
    ...(batch.kind !== 'window' && {
      window_since: undone ? earlier(overlapped, undone.since) : overlapped,
      window_until: new Date(now - options.settleSeconds * 1000)
    })
  })
}

/** Returns the present by the clock of the database, which all processes share. */
async function readClock(client: pg.ClientBase): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now')
  return (rows[0] as { now: Date }).now
}

/** The earlier of two starts of a window; null is the earliest: no lower bound. */
function earlier(a: Date | null, b: Date | null): Date | null {
  return a === null || b === null ? null : new Date(Math.min(a.getTime(), b.getTime()))
}

async function walk(context: FetchContext, batch: Batch, callContext: CallContext): Promise<void> {
  const { database, kki, options } = context
  const { windowSince, windowUntil } = batch
  // KKI would answer it with an empty list, and the batch would pass for one that found no changes.
  if (windowSince && windowUntil && windowSince > windowUntil) throw new WindowInverted(windowSince, windowUntil)
  const identity = await readIdentity(database.pool, context.identity)
  const query = {
    limit: options.pageSize,
    ...(batch.sourceProfession !== null && { profession: batch.sourceProfession }),
    // A full walk has no upper bound: what changes under it moves to its end and is met there.
    ...(batch.kind !== 'full' && windowSince && { changedSince: windowSince.toISOString() }),
    ...(batch.kind !== 'full' && windowUntil && { changedUntil: windowUntil.toISOString() })
  }
  const resume = {
    ...(batch.cursor !== null && { startCursor: openCursor(identity, batch.id, batch.cursor) }),
    firstPage: batch.pages + 1
  }
  const writer = new PageWriter({ id: batch.id, source: 'kki' }, identity, takePersonIdsFrom(database.pool), {
    page: batch.pages + 1,
    rowNo: batch.fetched + 1
  })
  const progress = new Progress(context, batch, writer)
  // An attempt that ended between its last pages and the word that they were the last left no cursor, as one that has not
  // begun has none: walking on would stage everything a second time.
  if (batch.pages > 0 && batch.cursor === null) return progress.finish()
  const formatErrors = new FormatErrorLog(context.logger)
  const { transform } = context
  const reading = {
    transform,
    maxSkewMs: options.maxSkewSeconds * 1000,
    isCovered: coverage(context.mapping, batch),
    knownRows: new KnownRows(database.pool, identity, transform),
    formatErrors
  }
  for await (const page of walkPages(kki, query, callContext, { maxPages: options.maxPages, ...resume })) {
    const staged = await readPage(page, writer, reading)
    await progress.add(page, staged.page, staged.passedOver)
  }
  await progress.finish()
  formatErrors.finish()
}

function coverage({ fields }: Mapping, { sourceProfessionsCovered }: Batch): ((row: unknown) => boolean) | undefined {
  if (sourceProfessionsCovered === null) return undefined
  const professionOf = compilePointer(fields.profession)
  const covered = new Set<unknown>(sourceProfessionsCovered)
  return row => covered.has(professionOf(row))
}

/** Collects pages and stages a few to a transaction, while the next ones are fetched and transformed. */
class Progress {
  readonly #context: FetchContext
  readonly #writer: PageWriter
  #batch: Batch
  #waiting: PreparedPage[] = []
  #cursor: string | null
  #passedOver: number
  #total: number | null
  #writing: Promise<void> = Promise.resolve()

  constructor(context: FetchContext, batch: Batch, writer: PageWriter) {
    this.#context = context
    this.#writer = writer
    this.#batch = batch
    this.#cursor = batch.cursor
    this.#passedOver = batch.passedOver
    this.#total = batch.expectedTotal
  }

  async add(page: KkiPage, prepared: PreparedPage, passedOver: number): Promise<void> {
    this.#waiting.push(prepared)
    this.#cursor = page.nextCursor === null ? null : sealCursor(this.#context.identity, this.#batch.id, page.nextCursor)
    this.#passedOver += passedOver
    this.#total = page.total ?? this.#total
    if (this.#waiting.length < pagesPerTransaction) return
    await this.#writing
    this.#writing = this.#write(this.#waiting, false)
    // Its error belongs to whoever awaits it next.
    this.#writing.catch(() => {})
    this.#waiting = []
  }

  async finish(): Promise<void> {
    await this.#writing
    await this.#write(this.#waiting, true)
  }

  #write(pages: PreparedPage[], isLast: boolean): Promise<void> {
    return inSpan('stage', { attributes: { 'sdmk.pages': pages.length } }, () => this.#store(pages, isLast))
  }

  async #store(pages: PreparedPage[], isLast: boolean): Promise<void> {
    const { database, queue } = this.#context
    const rejected = this.#batch.rejected + sum(pages, page => page.rejectionCount)
    const fetched = this.#batch.fetched + sum(pages, page => page.rowCount)
    const change = {
      cursor: this.#cursor,
      pages: this.#batch.pages + pages.length,
      passed_over: this.#passedOver,
      expected_total: this.#total,
      fetched,
      rejected,
      attempts: 0 as const,
      ...(isLast && { fetched_at: 'now' as const })
    }
    this.#batch = await database.withTransaction(async client => {
      const batch = await changeBatch(client, this.#batch, change)
      await stagePages(client, batch.id, pages)
      if (isLast) {
        await queue.send('kki-apply', { batchId: batch.id }, { client, singletonKey: String(batch.id) })
        if (batch.kind === 'full') await queueCensus(client, queue, batch.runId)
      }
      return batch
    })
    this.#writer.giveBack(pages)
  }
}

/** Puts the batch back into the queue, to be taken up when KKI may be asked again. */
async function postpone(context: FetchContext, batch: Batch, error: KkiRetryLater | KkiBreakerOpen): Promise<void> {
  const startAfterSeconds = Math.ceil(error.retryAfterMs / 1000)
  await context.queue.send('kki-fetch', { batchId: batch.id }, { singletonKey: String(batch.id), startAfterSeconds })
  context.logger.warn(
    { code: error.code, start_after_seconds: startAfterSeconds },
    'the batch waits until KKI may be asked again'
  )
}

/** A cursor is KKI's own text, and may say at whom a page ended: it is stored sealed. */
function sealCursor(identity: Pick<IdentityKeys, 'seal'>, batchId: number, cursor: string): string {
  return identity.seal(cursorOf(batchId), cursor).toString('base64')
}

/** @throws SealBroken, SealUnfit: its key is gone, it is another batch's, or a version stored it that did not seal it */
function openCursor(identity: Pick<IdentityKeys, 'open'>, batchId: number, sealed: string): string {
  return identity.open(cursorOf(batchId), Buffer.from(sealed, 'base64')).toString('utf8')
}

/** Another digest key is in force since the last pages were stored: the walk goes on behind those. */
async function goOn({ queue, logger }: FetchContext, batch: Batch, error: DigestKeyChanged): Promise<void> {
  await queue.send('kki-fetch', { batchId: batch.id }, { singletonKey: String(batch.id) })
  logger.info({ code: error.code }, 'the digest key was switched; the batch goes on where its pages are stored')
}

/** Cursors that KKI may refuse of one walk: a walk that never ends otherwise begins again for ever. */
const maxStartsOver = 3

async function mayStartOver({ pool }: Database, { id }: Batch): Promise<boolean> {
  const { rows } = await pool.query<{ starts: number }>(
    `select count(*) as starts from kki.audit_event where batch_id = $1 and action = 'batch.restarted'`,
    [id]
  )
  return (rows[0]?.starts ?? 0) < maxStartsOver
}

/** The walk cannot go on from where an earlier attempt stopped: it begins again, from nothing. */
async function startOver(context: FetchContext, batch: Batch, reason: string, fault?: SealFault): Promise<void> {
  await context.database.withTransaction(async client => {
    const reset = { cursor: null, pages: 0, passed_over: 0, fetched: 0, rejected: 0 }
    const fresh = await changeBatch(client, batch, reset)
    await openStaging(client, batch.id)
    await context.queue.send('kki-fetch', { batchId: batch.id }, { client, singletonKey: String(batch.id) })
    if (fault) await auditSealFaults(client, sidecarCaller(fresh), [fault])
    await recordAudit(client, {
      ...sidecarCaller(fresh),
      action: 'batch.restarted',
      runId: batch.runId,
      batchId: batch.id,
      detail: { reason, pages: batch.pages }
    })
  })
  context.logger.warn({ reason }, 'the batch starts over')
}

function call(batch: Batch, signal: AbortSignal): CallContext {
  return { requestId: `batch-${batch.id}`, traceId: batch.traceId, signal }
}

function sum(pages: readonly PreparedPage[], of: (page: PreparedPage) => number): number {
  return pages.reduce((total, page) => total + of(page), 0)
}
