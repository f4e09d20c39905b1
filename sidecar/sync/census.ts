import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import { KkiBreakerOpen, KkiError, KkiRetryLater } from '../kki/errors.ts'
import type { KkiClient } from '../kki/types.ts'
import type { Database } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import type { Mapping } from '../transform/mapping.ts'
import { finishRun, lockRun } from './close-run.ts'
import { PartitionBusy } from './errors.ts'
import { insertBatch } from './run.ts'
import { allProfessions, setWatermark } from './watermark.ts'

export interface CensusContext {
  database: Database
  queue: JobQueue
  kki: KkiClient
  mapping: Mapping
  logger: FastifyBaseLogger
}

const retrySeconds = 60

interface Walked {
  /** Every batch has fetched all that it is to, and nothing keeps it from being applied. */
  isFetched: boolean
  isApplied: boolean
  partitions: string[]
  /** What KKI counted without a filter; null where it was not asked yet. */
  counted: number | null
  /** Rows that were fetched; of what is planned, those that came twice are counted once. */
  fetched: number
  until: Date | null
  lastBatchId: number
  sourceProfessions: string[]
  traceId: string
}

/**
 * Once every profession of a full run is fetched: compares that with what KKI counts without a filter. Where KKI has more,
 * or does not say, the run gets one more batch for the rest, so that a profession that we do not know does not stay unseen.
 * Once all is applied, everything up to the start of the run is known to be stored.
 */
export async function takeCensus(context: CensusContext, runId: number, signal: AbortSignal): Promise<void> {
  const { database, queue, kki, logger } = context
  const walked = await database.withTransaction(client => readWalked(client, runId))
  if (!walked.isFetched) return
  if (hasAll(walked, context.mapping)) return completeApplied(context, runId)
  let total = walked.counted
  try {
    if (total === null) {
      const page = await kki.fetchPage({ limit: 1 }, { requestId: `run-${runId}`, traceId: walked.traceId, signal })
      total = page.total
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof KkiError)) throw error
    const isTold = error instanceof KkiRetryLater || error instanceof KkiBreakerOpen
    const pause = isTold ? Math.ceil(error.retryAfterMs / 1000) : retrySeconds
    logger.warn({ code: error.code, retry_seconds: pause }, 'KKI could not be counted; it is asked again later')
    return askAgain(queue, runId, pause)
  }
  if (total !== null && total <= walked.fetched) {
    await database.pool.query('update kki.run set counted = $2 where id = $1', [runId, total])
    // Not the last word: a row that moves while it is walked is fetched twice, which only the plans tell.
    return completeApplied(context, runId)
  }
  try {
    await addRest(context, runId, total)
  } catch (error) {
    if (!(error instanceof PartitionBusy)) throw error
    logger.info({ retry_seconds: retrySeconds }, 'the rest of the full run waits for a batch that is under way')
    await askAgain(queue, runId)
  }
}

/**
 * Ends a full run whose census met unexpected errors: its watermark stays where it was, and the next full run counts again.
 */
export async function giveUpCensus(database: Database, runId: number): Promise<void> {
  await database.withTransaction(async client => {
    const { isFetched, traceId } = await readWalked(client, runId)
    const caller = { actor: 'sidecar', apiKeyId: null, requestId: `run-${runId}`, traceId }
    await recordAudit(client, { ...caller, action: 'run.census_failed', runId })
    // While batches are under way, another census comes when they are done.
    if (isFetched) await finishRun(client, runId)
  })
}

/** Queues the census of a full run of which a batch has got on, within the transaction in which it does. */
export async function queueCensus(client: pg.ClientBase, queue: JobQueue, runId: number): Promise<void> {
  // A job that waits already is not joined by another: whoever has it must not look before this transaction has ended.
  await lockRun(client, runId)
  await queue.send('kki-census', { runId }, { client, singletonKey: String(runId) })
}

async function askAgain(queue: JobQueue, runId: number, startAfterSeconds = retrySeconds) {
  await queue.send('kki-census', { runId }, { singletonKey: String(runId), startAfterSeconds })
}

async function readWalked(client: pg.ClientBase, runId: number): Promise<Walked> {
  await lockRun(client, runId)
  const { rows } = await client.query<Walked>(
    `select bool_and(b.fetched_at is not null and b.state in ('fetching', 'planned', 'applied')) as "isFetched",
      bool_and(b.state = 'applied') as "isApplied", array_agg(b.partition) as partitions,
      max(r.counted) as counted, coalesce(sum(b.fetched - b.superseded), 0)::bigint as fetched,
      min(least(b.window_until, b.source_time)) as until, max(b.id) as "lastBatchId",
      coalesce(array_agg(b.source_profession) filter (where b.source_profession is not null), '{}') as "sourceProfessions",
      min(b.trace_id) as "traceId"
    from kki.batch b join kki.run r on r.id = b.run_id
    where b.run_id = $1`,
    [runId]
  )
  return rows[0] as Walked
}

/** A full run over some professions only says nothing about the others. */
function isPartial({ partitions }: Walked, mapping: Mapping): boolean {
  return mapping.professions.some(({ code, kkiCodes }) => kkiCodes.length > 0 && !partitions.includes(code))
}

/** The run has the batches that it is to have. */
function hasAll(walked: Walked, mapping: Mapping): boolean {
  const { partitions, counted, fetched } = walked
  return isPartial(walked, mapping) || partitions.includes(allProfessions) || (counted !== null && counted <= fetched)
}

/** Gives the run a batch for what KKI lists outside of the professions walked. @throws PartitionBusy */
async function addRest({ database, queue }: CensusContext, runId: number, total: number | null): Promise<void> {
  await database.withTransaction(async client => {
    // While KKI was asked the run may have been cancelled, one of its batches have been held, or another census been taken.
    const walked = await readWalked(client, runId)
    if (!walked.isFetched || walked.partitions.includes(allProfessions)) return
    const { fetched, sourceProfessions, traceId } = walked
    const rest = { partition: allProfessions, sourceProfession: null }
    const batchId = await insertBatch(client, runId, { mode: 'full' }, rest, traceId, sourceProfessions)
    await queue.send('kki-fetch', { batchId }, { client, singletonKey: String(batchId) })
    await recordAudit(client, {
      actor: 'sidecar',
      apiKeyId: null,
      requestId: `run-${runId}`,
      traceId,
      action: 'batch.created',
      runId,
      batchId,
      detail: { reason: 'KKI lists rows outside the professions walked', total, fetched }
    })
  })
}

/** Ends a run of which all is applied; where it walked all of KKI, everything up to its start is stored. */
async function completeApplied({ database, mapping }: CensusContext, runId: number): Promise<void> {
  await database.withTransaction(async client => {
    const walked = await readWalked(client, runId)
    if (!walked.isApplied || !hasAll(walked, mapping)) return
    const { until, lastBatchId } = walked
    if (until !== null && !isPartial(walked, mapping)) await setWatermark(client, allProfessions, until, lastBatchId)
    await finishRun(client, runId)
  })
}
