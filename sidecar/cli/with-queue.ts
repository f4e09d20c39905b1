import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createOdooOutbox } from '../odoo/jobs.ts'
import { createDatabase, type Database } from '../platform/database.ts'
import { assertMigrated } from '../platform/migrations.ts'
import { createQueue, type JobQueue } from '../platform/queue.ts'

/**
 * Returns what `work` returns, with the database and its queue open: for commands that send jobs, or change records that
 * Odoo mirrors.
 */
export async function withQueue<T>(
  { config, logger, database: { url } }: { config: Config; logger: Logger; database: { url: string } },
  work: (context: { database: Database; queue: JobQueue }) => Promise<T>
): Promise<T> {
  const database = createDatabase({ url, maxConnections: 2 }, logger)
  try {
    await assertMigrated(database.pool)
    const queue = await createQueue({ url, shutdownTimeoutSeconds: config.shutdownTimeoutSeconds }, logger)
    database.setOdooOutbox(createOdooOutbox(config.odoo, queue))
    try {
      return await work({ database, queue })
    } finally {
      await queue.close()
    }
  } finally {
    await database.pool.end()
  }
}
