import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../platform/database.ts'

/** Dropping a partition needs its parent for itself; rather than hold up every batch behind it, it is tried again later. */
const lockTimeoutMs = 200

/** Drops the staging of batches that have ended, and the raw rows of rejections older than `rawRetentionDays`. */
export async function keepHouse(
  database: Database,
  rawRetentionDays: number,
  logger: FastifyBaseLogger
): Promise<void> {
  const { rows } = await database.pool.query<{ id: number }>(
    `select b.id from kki.batch b
    where b.state not in ('queued', 'fetching', 'planned', 'held') and to_regclass('kki.staged_row_' || b.id) is not null
    order by b.id`
  )
  for (const { id } of rows) {
    try {
      await database.withTransaction(async client => {
        await client.query(`set local lock_timeout = ${lockTimeoutMs}`)
        await client.query('select kki.drop_staging($1)', [id])
      })
    } catch (error) {
      if ((error as { code?: string }).code !== lockNotAvailable) throw error
      logger.debug({ batch_id: id }, 'the staging of a batch is in use; it is dropped later')
    }
  }
  const purged = await database.pool.query(
    `update kki.rejection_occurrence o set raw_sealed = null
    from kki.batch b
    where b.id = o.batch_id and o.raw_sealed is not null and b.finished_at < now() - make_interval(days => $1)`,
    [rawRetentionDays]
  )
  if (purged.rowCount)
    logger.info({ rows: purged.rowCount, retention_days: rawRetentionDays }, 'raw rows past their retention are purged')
}

const lockNotAvailable = '55P03'
