import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import type { SdmkError } from '../errors.ts'
import { SealFault } from '../identity/errors.ts'
import type { Database, Transaction } from '../platform/database.ts'
import { inSpan } from '../platform/tracing.ts'
import { FenceLost } from '../registry/errors.ts'
import { PageWriter } from '../registry/page-writer.ts'
import { takePersonIdsFrom } from '../registry/person-ids.ts'
import { openStaging } from '../registry/stage.ts'
import { findUnchanged } from '../registry/unchanged.ts'
import { KkiBreakerOpen, KkiDenied, KkiError, KkiListMoved, KkiRetryLater } from '../source/errors.ts'
import type { CallContext, PageQuery } from '../source/types.ts'
import { Walk } from '../source/walk.ts'
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
import { queueFetch } from './run.ts'
import { openCursor, StagedWalk } from './staged-walk.ts'
import { readWatermark } from './watermark.ts'

/**
 * Fetches the rest of a run's walk, batch by batch. While one batch is fetched, earlier ones are planned and applied.
 * Faults of KKI or of rows are recorded with the batch. Only other errors (a lost database, a stopping process, a defect)
 * are thrown, and `attemptBatch` counts them.
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
    `select id from kki.batch where run_id = $1 and state = any ($2) order by id limit 1`,
    [runId, workStates.fetch]
  )
  return rows[0] ?? null
}

/**
 * Fetches a batch from the place of the last attempt. When it is staged, queues its plan and creates the next batch of the
 * run. Returns false if the batch waits or has failed, so that the walk stops for now.
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

/** Records why a batch cannot be fetched. @throws the error if it does not concern the batch */
async function recordFault(context: FetchContext, batch: Batch, error: unknown, signal: AbortSignal): Promise<void> {
  if (error instanceof FenceLost) {
    context.logger.info({ err: error }, 'the batch was taken over')
    // A paused process may have taken it, although it has lost its job. If it is lost, this job must end the walk.
    if ((await readOpenBatch(context.database.pool, batch.runId)) !== null) throw error
    return
  }
  if (error instanceof SealFault) return startOver(context, batch, 'cursor unreadable', error)
  if (error instanceof WindowInverted || error instanceof ProfessionGone) return fail(context, batch, error)
  if (signal.aborted || !(error instanceof KkiError)) throw error
  if (error instanceof KkiRetryLater || error instanceof KkiBreakerOpen) return postpone(context, batch, error)
  const reason = reasonToStartOver(batch, error)
  if (reason !== null && (await mayStartOver(context.database, batch))) return startOver(context, batch, reason)
  await fail(context, batch, error)
}

/** Why the walk must start again; `null` if that would not help. */
function reasonToStartOver(batch: Batch, error: KkiError): string | null {
  if (batch.kind === 'retry') return null
  if (error instanceof KkiListMoved) return 'list moved'
  const hasCursor = batch.cursor !== null || batch.startCursor !== null
  return error instanceof KkiDenied && error.status === 400 && hasCursor ? 'cursor refused' : null
}

async function fail({ database, metrics, logger }: FetchContext, batch: Batch, error: SdmkError): Promise<void> {
  await failBatch(database, batch, error)
  metrics.batchEnded('failed')
  logger.error({ err: error, code: error.code }, 'the batch failed')
}

/** Takes the batch and checks that its staged rows match its counters; otherwise empties it. */
async function begin(context: FetchContext, batchId: number, signal: AbortSignal): Promise<Batch | null> {
  const taken = await context.database.withTransaction(async client => {
    const batch = await takeBatch(client, batchId, workStates.fetch)
    if (batch === null) return null
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
  const { rows } = await client.query<{ staged: number }>(
    `select
      (select count(*) from kki.staged_row where batch_id = $1)
        + (select coalesce(sum(cardinality(registration_ids)), 0)::bigint from kki.staged_unchanged where batch_id = $1)
        + (select count(*) from kki.staged_rejection where batch_id = $1) as staged`,
    [batch.id]
  )
  return rows[0]?.staged === batch.fetched
}

/**
 * Sets the run's window by KKI's own clock, so that all its batches have the same one, even after a crash. Null if the batch
 * waits or has failed.
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
async function storeWindow(client: Transaction, batch: Batch, now: number, options: FetchOptions): Promise<Batch> {
  const refetch = await takeRefetches(client, batch.runId)
  const watermark = batch.kind === 'incremental' ? await readWatermark(client) : null
  if (watermark?.isAhead) throw new WatermarkAhead(watermark.position)
  const overlapped = watermark && new Date(watermark.position.getTime() - options.overlapSeconds * 1000)
  const since = refetch ? earlier(overlapped, refetch.since) : overlapped
  const until = new Date(now - options.settleSeconds * 1000)
  await client.query(
    `update kki.run set
      -- The watermark will be set from this; it must never pass our own clock.
      source_time = least($2::timestamptz, $3), window_since = case when mode = 'window' then changed_since else $4 end,
      window_until = case when mode = 'window' then changed_until else $5 end
    where id = $1`,
    [batch.runId, new Date(now), await readClock(client), since, until]
  )
  return changeBatch(client, batch, {})
}

/** Returns the present time of the database's clock, which all processes share. */
async function readClock(client: pg.ClientBase): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now')
  return (rows[0] as { now: Date }).now
}

/** The earlier of two starts of a window; null is the earliest: no lower bound. */
function earlier(a: Date | null, b: Date | null): Date | null {
  return a === null || b === null ? null : new Date(Math.min(a.getTime(), b.getTime()))
}

async function stageWalked(context: FetchContext, batch: Batch, walk: Walk, signal: AbortSignal): Promise<void> {
  const { database, identity, options, transform } = context
  const { windowSince, windowUntil } = batch
  // KKI would answer it with an empty list, which would look like a batch without changes.
  if (windowSince && windowUntil && windowSince > windowUntil) throw new WindowInverted(windowSince, windowUntil)
  const writer = new PageWriter({ id: batch.id, source: 'kki' }, identity, takePersonIdsFrom(database.pool), {
    page: batch.pages + 1,
    rowNo: batch.fetched + 1
  })
  const staged = new StagedWalk(context, batch, writer)
  const stored = batch.cursor ?? batch.startCursor
  const cursor = stored === null ? null : openCursor(identity, batch.id, stored)
  // An attempt that ended between its last pages and the mark that they were the last. Continuing would stage rows of the
  // next batch, or everything a second time if the walk had ended without a cursor.
  if (batch.pages > 0 && batch.cursor === null) return staged.finish(null)
  if (batch.fetched >= options.batchRows) return staged.finish(cursor)
  const formatErrors = new FormatErrorLog(context.logger)
  const reading = {
    transform,
    maxSkewMs: options.maxSkewSeconds * 1000,
    findUnchanged: (rows: Parameters<typeof findUnchanged>[1]) => findUnchanged(database.pool, rows),
    formatErrors
  }
  await walk.goTo({ profession: batch.sourceProfession, cursor, call: call(batch, signal) }, async () => ({
    query: queryOf(context, batch),
    firstPage: (await countPages(database.pool, batch.runId)) + 1,
    maxPages: options.maxPages
  }))
  for (let page = await walk.next(); page !== null; page = await walk.next()) {
    await staged.add(page, await readPage(page, writer, reading))
    if (page.nextCursor !== null && staged.rows >= options.batchRows) break
  }
  await staged.finish(walk.cursor)
  formatErrors.finish()
}

function queryOf({ options }: FetchContext, batch: Batch): Omit<PageQuery, 'cursor'> {
  const { kind, sourceProfession, windowSince, windowUntil } = batch
  return {
    limit: options.pageSize,
    ...(sourceProfession !== null && { profession: sourceProfession }),
    // A full walk has no upper bound: rows that change during the walk move to its end and are read there.
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

/** Puts the batch back into the queue until KKI may be called again. */
async function postpone(context: FetchContext, batch: Batch, error: KkiRetryLater | KkiBreakerOpen): Promise<void> {
  const startAfterSeconds = Math.ceil(error.retryAfterMs / 1000)
  await context.database.withTransaction(client =>
    queueFetch(client, context.queue, batch.runId, { startAfterSeconds })
  )
  context.logger.warn(
    { code: error.code, start_after_seconds: startAfterSeconds },
    'the batch waits until KKI may be called again'
  )
}

/** How often one walk may start again, so that a walk that never ends does not start again for ever. */
const maxStartsOver = 3

async function mayStartOver({ pool }: Database, { runId }: Batch): Promise<boolean> {
  const { rows } = await pool.query<{ starts: number }>(
    `select count(*) as starts from kki.audit_event where run_id = $1 and action = 'batch.restarted'`,
    [runId]
  )
  return (rows[0]?.starts ?? 0) < maxStartsOver
}

/**
 * The walk cannot resume where an earlier attempt stopped, so it starts again. Rows that earlier batches of the run
 * stored are then unchanged.
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
