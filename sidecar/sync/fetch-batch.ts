import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import type { SdmkError } from '../errors.ts'
import { readIdentity } from '../identity/digest-key.ts'
import { DigestKeyChanged, SealFault } from '../identity/errors.ts'
import type { IdentityKeys } from '../identity/keys.ts'
import { cursorOf } from '../identity/seal-place.ts'
import { KkiBreakerOpen, KkiError, KkiRefused, KkiRetryLater } from '../kki/errors.ts'
import type { CallContext, KkiPage, PageQuery } from '../kki/types.ts'
import { Walk } from '../kki/walk.ts'
import type { Database } from '../platform/database.ts'
import { inSpan } from '../platform/tracing.ts'
import { FenceLost } from '../registry/errors.ts'
import { KnownRows } from '../registry/known.ts'
import { PageWriter, type PreparedPage } from '../registry/page-writer.ts'
import { takePersonIdsFrom } from '../registry/person-ids.ts'
import { openStaging, stagePages } from '../registry/stage.ts'
import { attemptBatch } from './attempts.ts'
import { type Batch, changeBatch, takeBatch, workStates } from './batch.ts'
import { ProfessionGone, WatermarkAhead, WindowInverted } from './errors.ts'
import { failBatch } from './fail-batch.ts'
import { askAgain } from './fetch-again.ts'
import type { FetchContext, FetchOptions } from './fetch-context.ts'
import { FormatErrorLog } from './format-errors.ts'
import { sidecarCaller } from './plan-and-apply.ts'
import { readPage } from './read-page.ts'
import { takeRefetches } from './refetch.ts'
import { insertBatch, queueFetch, walkParts } from './run.ts'
import { readWatermark } from './watermark.ts'

/** Pages that share a transaction: fewer cost commits, more cost memory and work done twice after a crash. */
const pagesPerTransaction = 4

/**
 * Fetches what is left of a run's walk, batch by batch. While one is fetched, those before it are planned and applied. What
 * KKI or the rows do wrong is recorded with the batch; only what is no fault of theirs (a lost database, a stopping
 * process, a defect) is thrown, and counted by `attemptBatch`.
 */
export async function fetchRun(context: FetchContext, runId: number, signal: AbortSignal): Promise<void> {
  const walk = new Walk(context.kki)
  try {
    for (;;) {
      const batch = await readOpenBatch(context.database.pool, runId)
      if (batch === null) return
      let isStaged = false
      const work = async () => {
        isStaged = await fetchBatch(context, batch.id, walk, signal)
      }
      await inSpan('fetch', { ids: { batch_id: batch.id } }, () =>
        attemptBatch(context, { batchId: batch.id, kind: 'fetch', signal }, work)
      )
      if (!isStaged) return
    }
  } finally {
    await walk.leave()
  }
}

async function readOpenBatch(pool: pg.Pool, runId: number): Promise<{ id: number } | null> {
  const { rows } = await pool.query<{ id: number }>(
    `select id from kki.batch where run_id = $1 and state = any ($2) and fetched_at is null order by id limit 1`,
    [runId, workStates.fetch]
  )
  return rows[0] ?? null
}

/**
 * Fetches a batch from where an earlier attempt got to; when it is staged, queues its plan and makes the next batch of the
 * run. Returns false where the batch waits or has failed, so that the walk does not go on now.
 */
async function fetchBatch(context: FetchContext, batchId: number, walk: Walk, signal: AbortSignal): Promise<boolean> {
  const { metrics, logger } = context
  const started = performance.now()
  const batch = await begin(context, batchId, signal)
  if (batch === null) return false
  try {
    await (batch.kind === 'retry'
      ? askAgain(context, batch, call(batch, signal))
      : stageWalked(context, batch, walk, signal))
    metrics.phaseEnded('fetch', (performance.now() - started) / 1000)
    logger.info('all pages of the batch are staged')
    return true
  } catch (error) {
    await walk.leave()
    await recordFault(context, batch, error, signal)
    return false
  }
}

/** Records what keeps a batch from being fetched. @throws the error where the batch has no part in it */
async function recordFault(context: FetchContext, batch: Batch, error: unknown, signal: AbortSignal): Promise<void> {
  if (error instanceof FenceLost) return context.logger.info({ err: error }, 'the batch was taken over')
  if (error instanceof SealFault) return startOver(context, batch, 'cursor unreadable', error)
  if (error instanceof DigestKeyChanged) return goOn(context, batch, error)
  if (error instanceof WindowInverted || error instanceof ProfessionGone) return fail(context, batch, error)
  if (signal.aborted || !(error instanceof KkiError)) throw error
  if (error instanceof KkiRetryLater || error instanceof KkiBreakerOpen) return postpone(context, batch, error)
  const isOfCursor = error instanceof KkiRefused && error.status === 400
  const hasCursor = batch.cursor !== null || batch.startCursor !== null
  if (isOfCursor && hasCursor && batch.kind !== 'retry' && (await mayStartOver(context.database, batch)))
    return startOver(context, batch, 'cursor refused')
  await fail(context, batch, error)
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
 * Fixes the run's window by KKI's own clock, so that all its batches walk the same one, and an attempt after a crash too.
 * Null where the batch waits or has failed.
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
  const refetch = await takeRefetches(client, batch.runId)
  const watermark = batch.kind === 'incremental' ? await readWatermark(client) : null
  if (watermark?.isAhead) throw new WatermarkAhead(watermark.position)
  const overlapped = watermark && new Date(watermark.position.getTime() - options.overlapSeconds * 1000)
  const since = refetch ? earlier(overlapped, refetch.since) : overlapped
  const until = new Date(now - options.settleSeconds * 1000)
  await client.query(
    `update kki.run set
      -- A watermark follows from this; it must never pass our own clock.
      source_time = least($2::timestamptz, $3), window_since = case when mode = 'window' then changed_since else $4 end,
      window_until = case when mode = 'window' then changed_until else $5 end
    where id = $1`,
    [batch.runId, new Date(now), await readClock(client), since, until]
  )
  return changeBatch(client, batch, {})
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

async function stageWalked(context: FetchContext, batch: Batch, walk: Walk, signal: AbortSignal): Promise<void> {
  const { database, options, transform } = context
  const { windowSince, windowUntil } = batch
  // KKI would answer it with an empty list, and the batch would pass for one that found no changes.
  if (windowSince && windowUntil && windowSince > windowUntil) throw new WindowInverted(windowSince, windowUntil)
  const identity = await readIdentity(database.pool, context.identity)
  const writer = new PageWriter({ id: batch.id, source: 'kki' }, identity, takePersonIdsFrom(database.pool), {
    page: batch.pages + 1,
    rowNo: batch.fetched + 1
  })
  const progress = new Progress(context, batch, writer)
  const stored = batch.cursor ?? batch.startCursor
  const cursor = stored === null ? null : openCursor(identity, batch.id, stored)
  // An attempt that ended between its last pages and the word that they were the last: walking on would stage rows that
  // belong to the next batch, or, where the walk had ended and left no cursor, everything a second time.
  if (batch.pages > 0 && batch.cursor === null) return progress.finish(null)
  if (batch.fetched >= options.batchRows) return progress.finish(cursor)
  const formatErrors = new FormatErrorLog(context.logger)
  const reading = {
    transform,
    maxSkewMs: options.maxSkewSeconds * 1000,
    knownRows: new KnownRows(database.pool, identity, transform),
    formatErrors
  }
  await walk.goTo({ profession: batch.sourceProfession, cursor, call: call(batch, signal) }, async () => ({
    query: queryOf(context, batch),
    firstPage: (await countPages(database.pool, batch.runId)) + 1,
    maxPages: options.maxPages
  }))
  for (let page = await walk.next(); page !== null; page = await walk.next()) {
    await progress.add(page, await readPage(page, writer, reading))
    if (page.nextCursor !== null && progress.rows >= options.batchRows) break
  }
  await progress.finish(walk.cursor)
  formatErrors.finish()
}

function queryOf({ options }: FetchContext, batch: Batch): Omit<PageQuery, 'cursor'> {
  const { kind, sourceProfession, windowSince, windowUntil } = batch
  return {
    limit: options.pageSize,
    ...(sourceProfession !== null && { profession: sourceProfession }),
    // A full walk has no upper bound: what changes under it moves to its end and is met there.
    ...(kind !== 'full' && windowSince && { changedSince: windowSince.toISOString() }),
    ...(kind !== 'full' && windowUntil && { changedUntil: windowUntil.toISOString() })
  }
}

async function countPages(pool: pg.Pool, runId: number): Promise<number> {
  const { rows } = await pool.query<{ pages: number }>(
    'select coalesce(sum(pages), 0)::bigint as pages from kki.batch where run_id = $1',
    [runId]
  )
  return rows[0]?.pages ?? 0
}

/** Collects pages and stages a few to a transaction, while the next ones are fetched and transformed. */
class Progress {
  readonly #context: FetchContext
  readonly #writer: PageWriter
  #batch: Batch
  #waiting: PreparedPage[] = []
  #cursor: string | null
  #total: number | null = null
  #writing: Promise<void> = Promise.resolve()
  /** Of the batch so far, those that wait for their transaction included. */
  rows: number

  constructor(context: FetchContext, batch: Batch, writer: PageWriter) {
    this.#context = context
    this.#writer = writer
    this.#batch = batch
    this.#cursor = batch.cursor
    this.rows = batch.fetched
  }

  async add(page: KkiPage, prepared: PreparedPage): Promise<void> {
    this.#waiting.push(prepared)
    this.rows += prepared.rowCount
    this.#cursor = page.nextCursor === null ? null : sealCursor(this.#context.identity, this.#batch.id, page.nextCursor)
    this.#total = page.total ?? this.#total
    if (this.#waiting.length < pagesPerTransaction) return
    await this.#writing
    this.#writing = this.#write(this.#waiting, null)
    // Its error belongs to whoever awaits it next.
    this.#writing.catch(() => {})
    this.#waiting = []
  }

  /** Stages what is left, and makes the batch that begins at this cursor of KKI's; null: this walk of KKI's list is over. */
  async finish(nextCursor: string | null): Promise<void> {
    await this.#writing
    await this.#write(this.#waiting, { nextCursor })
  }

  #write(pages: PreparedPage[], end: { nextCursor: string | null } | null): Promise<void> {
    return inSpan('stage', { attributes: { 'sdmk.pages': pages.length } }, () => this.#store(pages, end))
  }

  async #store(pages: PreparedPage[], end: { nextCursor: string | null } | null): Promise<void> {
    const { database, queue } = this.#context
    const change = {
      cursor: this.#cursor,
      pages: this.#batch.pages + pages.length,
      fetched: this.#batch.fetched + sum(pages, page => page.rowCount),
      rejected: this.#batch.rejected + sum(pages, page => page.rejectionCount),
      attempts: 0 as const,
      ...(end && { fetched_at: 'now' as const })
    }
    this.#batch = await database.withTransaction(async client => {
      const batch = await changeBatch(client, this.#batch, change)
      await stagePages(client, batch.id, pages)
      await this.#keepTotal(client)
      if (end) {
        await queue.send('kki-apply', { batchId: batch.id }, { client, singletonKey: String(batch.id) })
        await this.#makeNext(client, batch, end.nextCursor)
      }
      return batch
    })
    this.#writer.giveBack(pages)
  }

  /** Where professions are walked one after the other, each has a total of its own, which would mislead. */
  async #keepTotal(client: pg.ClientBase): Promise<void> {
    const { runId, profession } = this.#batch
    if (this.#total === null || profession !== null) return
    await client.query('update kki.run set expected_total = $2 where id = $1 and expected_total is distinct from $2', [
      runId,
      this.#total
    ])
  }

  /** Makes the batch that goes on at this cursor, or with the next profession; none where the walk of the run is over. */
  async #makeNext(client: pg.ClientBase, batch: Batch, cursor: string | null): Promise<void> {
    const parts = walkParts(batch.runProfessions, this.#context.mapping)
    const at = parts.findIndex(({ sourceProfession }) => sourceProfession === batch.sourceProfession)
    if (at < 0) throw new ProfessionGone(batch.profession ?? '')
    const part = parts[cursor === null ? at + 1 : at]
    if (part === undefined) return
    const id = await insertBatch(client, batch.runId, part)
    if (cursor === null) return
    const sealed = sealCursor(this.#context.identity, id, cursor)
    await client.query('update kki.batch set start_cursor = $2 where id = $1', [id, sealed])
  }
}

/** Puts the batch back into the queue, to be taken up when KKI may be asked again. */
async function postpone(context: FetchContext, batch: Batch, error: KkiRetryLater | KkiBreakerOpen): Promise<void> {
  const startAfterSeconds = Math.ceil(error.retryAfterMs / 1000)
  await context.database.withTransaction(client =>
    queueFetch(client, context.queue, batch.runId, { startAfterSeconds })
  )
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
async function goOn({ database, queue, logger }: FetchContext, batch: Batch, error: DigestKeyChanged): Promise<void> {
  await database.withTransaction(client => queueFetch(client, queue, batch.runId))
  logger.info({ code: error.code }, 'the digest key was switched; the batch goes on where its pages are stored')
}

/** Cursors that KKI may refuse of one walk: a walk that never ends otherwise begins again for ever. */
const maxStartsOver = 3

async function mayStartOver({ pool }: Database, { runId }: Batch): Promise<boolean> {
  const { rows } = await pool.query<{ starts: number }>(
    `select count(*) as starts from kki.audit_event where run_id = $1 and action = 'batch.restarted'`,
    [runId]
  )
  return (rows[0]?.starts ?? 0) < maxStartsOver
}

/**
 * The walk cannot go on from where an earlier attempt stopped: it begins again. What earlier batches of the run stored is met
 * as unchanged.
 */
async function startOver(context: FetchContext, batch: Batch, reason: string, fault?: SealFault): Promise<void> {
  await context.database.withTransaction(async client => {
    const reset = { start_cursor: null, cursor: null, pages: 0, fetched: 0, rejected: 0 }
    const fresh = await changeBatch(client, batch, reset)
    await openStaging(client, batch.id)
    await queueFetch(client, context.queue, batch.runId)
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
