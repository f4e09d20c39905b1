import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { type Caller, recordAudit } from '../audit/record.ts'
import { purgeDisclosures, sealDisclosures } from '../audit/seal-disclosures.ts'
import type { Database } from '../platform/database.ts'
import { createTraceId } from '../platform/trace-context.ts'
import { forgetShown } from '../registry/not-listed.ts'
import { takeBatch } from './batch.ts'
import { FileNotStored } from './errors.ts'
import { failWithin } from './fail-batch.ts'
import type { SyncMetrics } from './metrics.ts'

export interface MaintenanceContext {
  database: Database
  metrics: Pick<SyncMetrics, 'batchEnded' | 'purged'>
  logger: FastifyBaseLogger
  rawRetentionDays: number
  disclosureRetentionDays: number
  timeZone: string
}

/**
 * Dropping a partition needs an exclusive lock on its parent. A short limit avoids blocking other batches; it is tried
 * again.
 */
const lockTimeoutMs = 200

/**
 * Fails files whose process is gone, drops the staging of batches that have ended, and deletes raw rows of rejections past
 * their retention. All are counted; the deletion of raw rows is audited in the same transaction.
 */
export async function maintain(context: MaintenanceContext): Promise<void> {
  await failLostFiles(context)
  await dropStaging(context)
  await purgeRawRows(context)
  await forgetShown(context.database.pool)
  await keepDisclosures(context)
}

/** Seals the disclosures since the last time, and deletes those past their retention. */
async function keepDisclosures({ database, metrics, disclosureRetentionDays }: MaintenanceContext) {
  await sealDisclosures(database, ownCaller())
  const purged = await purgeDisclosures(database, ownCaller(), disclosureRetentionDays)
  if (purged > 0) metrics.purged('disclosures', purged)
}

function ownCaller(): Caller {
  return { actor: 'sidecar', apiKeyId: null, requestId: randomUUID(), traceId: createTraceId() }
}

/** Fails older batches of files that no process has locked. A process that stores a file locks its batch soon (`stageFile`). */
async function failLostFiles({ database, metrics, logger }: MaintenanceContext) {
  const failed = await database.withTransaction(async client => {
    const { rows } = await client.query<{ id: number }>(
      `select id from kki.batch
      where kind = 'file' and state = 'fetching' and fetch_started_at < now() - interval '1 minute'
      order by id for update skip locked`
    )
    for (const { id } of rows) {
      const batch = await takeBatch(client, id, ['fetching'])
      if (batch) await failWithin(client, batch, new FileNotStored('the process has ended'))
    }
    return rows.map(({ id }) => id)
  })
  if (failed.length === 0) return
  metrics.batchEnded('failed', failed.length)
  logger.error({ batch_ids: failed }, 'the process that stored the rows of a file is gone; the batch failed')
}

async function dropStaging({ database, metrics, logger }: MaintenanceContext) {
  const { rows } = await database.pool.query<{ id: number }>(
    `select b.id from kki.batch b
    where not kki.is_open(b.state) and to_regnamespace('batch_' || b.id) is not null
    order by b.id`
  )
  for (const { id } of rows) {
    try {
      await database.withTransaction(async client => {
        await client.query(`set local lock_timeout = ${lockTimeoutMs}`)
        await client.query('select kki.drop_staging($1)', [id])
      })
      metrics.purged('staging', 1)
    } catch (error) {
      if ((error as { code?: string }).code !== lockNotAvailable) throw error
      logger.debug({ batch_id: id }, 'the staging of a batch is in use; it is dropped later')
    }
  }
}

async function purgeRawRows({ database, metrics, logger, rawRetentionDays, timeZone }: MaintenanceContext) {
  const rows = await database.withTransaction(async client => {
    const { rows: days } = await client.query<{ day: string; rows: number }>(
      `with purged as (
        update kki.rejection_occurrence o set raw_sealed = null
        from kki.batch b
        where b.id = o.batch_id and o.raw_sealed is not null and b.finished_at < now() - make_interval(days => $1)
        returning (b.finished_at at time zone $2)::date as day
      )
      select day::text, count(*) as rows from purged group by day order by day`,
      [rawRetentionDays, timeZone]
    )
    const count = days.reduce((sum, day) => sum + day.rows, 0)
    if (count > 0) {
      const rowsOfDays = Object.fromEntries(days.map(day => [day.day, day.rows]))
      const detail = { rows: count, rowsOfDays, rawRetentionDays }
      await recordAudit(client, { ...ownCaller(), action: 'retention.purged', detail })
    }
    return count
  })
  if (rows === 0) return
  metrics.purged('raw_rows', rows)
  logger.info({ rows, retention_days: rawRetentionDays }, 'raw rows past their retention were deleted')
}

const lockNotAvailable = '55P03'
