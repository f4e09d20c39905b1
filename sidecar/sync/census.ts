import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import { KkiBreakerOpen, KkiError, KkiRetryLater } from '../kki/errors.ts'
import type { KkiClient } from '../kki/types.ts'
import type { Database } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import type { Mapping } from '../transform/mapping.ts'
import { recordAudit } from './audit/record.ts'
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
  batches: number
  applied: number
  /** Batches of which all is fetched, and that nothing keeps from being applied. */
  onTheirWay: number
  fetched: number
  until: Date | null
  lastBatchId: number
  hasRemainder: boolean
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
  const walked = await readWalked(database, runId)
  const isApplied = walked.applied === walked.batches
  if (!isApplied && walked.onTheirWay < walked.batches) return
  if (await isPartial(database.pool, runId, context.mapping)) {
    if (isApplied) await database.withTransaction(client => finishRun(client, runId))
    return
  }
  const complete = async () => void (isApplied && (await completeRun(database, runId, walked)))
  if (walked.hasRemainder) return complete()
  let total: number | null
  try {
    const page = await kki.fetchPage({ limit: 1 }, { requestId: `run-${runId}`, traceId: walked.traceId, signal })
    total = page.total
  } catch (error) {
    if (signal.aborted || !(error instanceof KkiError)) throw error
    const isTold = error instanceof KkiRetryLater || error instanceof KkiBreakerOpen
    const pause = isTold ? Math.ceil(error.retryAfterMs / 1000) : retrySeconds
    logger.warn({ code: error.code, retry_seconds: pause }, 'KKI could not be counted; it is asked again later')
    return void (await askAgain(queue, runId, pause))
  }
  if (total !== null && total <= walked.fetched) return complete()
  try {
    await database.withTransaction(async client => {
      const batchId = await insertBatch(
        client,
        runId,
        { mode: 'full' },
        { partition: allProfessions, sourceProfession: null },
        walked.traceId,
        walked.sourceProfessions
      )
      await queue.send('kki-fetch', { batchId }, { client, singletonKey: String(batchId) })
      await recordAudit(client, {
        actor: 'sidecar',
        apiKeyId: null,
        requestId: `run-${runId}`,
        traceId: walked.traceId,
        action: 'batch.created',
        runId,
        batchId,
        detail: { reason: 'KKI lists rows outside the professions walked', total, fetched: walked.fetched }
      })
    })
  } catch (error) {
    if (!(error instanceof PartitionBusy)) throw error
    logger.info({ retry_seconds: retrySeconds }, 'the rest of the full run waits for a batch that is under way')
    await askAgain(queue, runId)
  }
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

async function readWalked(database: Database, runId: number): Promise<Walked> {
  const { rows } = await database.withTransaction(async client => {
    await lockRun(client, runId)
    return client.query<Walked>(
      `select count(*) as batches, count(*) filter (where state = 'applied') as applied,
      count(*) filter (where fetched_at is not null and state in ('fetching', 'planned', 'applied')) as "onTheirWay",
      coalesce(sum(fetched), 0)::bigint as fetched, min(window_until) as until, max(id) as "lastBatchId",
      bool_or(partition = $2) as "hasRemainder",
      coalesce(array_agg(source_profession) filter (where source_profession is not null), '{}') as "sourceProfessions",
      min(trace_id) as "traceId"
    from kki.batch where run_id = $1`,
      [runId, allProfessions]
    )
  })
  return rows[0] as Walked
}

/** A full run over some professions only says nothing about the others. */
async function isPartial(pool: pg.Pool, runId: number, mapping: Mapping): Promise<boolean> {
  const { rows } = await pool.query<{ partition: string }>('select partition from kki.batch where run_id = $1', [runId])
  const walked = new Set(rows.map(row => row.partition))
  return mapping.professions.some(({ code, kkiCodes }) => kkiCodes.length > 0 && !walked.has(code))
}

async function completeRun(database: Database, runId: number, { until, lastBatchId }: Walked): Promise<void> {
  await database.withTransaction(async client => {
    if (until !== null) await setWatermark(client, allProfessions, until, lastBatchId)
    await finishRun(client, runId)
  })
}
