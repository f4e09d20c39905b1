import type pg from 'pg'
import { sql } from './sql.ts'

const derive = sql('derive-statuses.sql')
const deactivatedBy = sql('count-deactivated.sql')

/**
 * Derives the statuses of all licences of the people in the temp table `touched (health_worker_id)` from KKI's rows for the
 * day `asOf` (`YYYY-MM-DD`), within the caller's transaction; recorded as changes of the batch, if any.
 */
export async function deriveStatuses(
  client: pg.ClientBase,
  { batchId, asOf }: { batchId: number | null; asOf: string }
): Promise<void> {
  await client.query('analyze touched')
  await client.query(derive, [batchId, asOf])
}

/** Returns how many licences a batch deactivated, by its change records. */
export async function countDeactivated(client: pg.ClientBase, batchId: number): Promise<number> {
  const { rows } = await client.query<{ deactivated: number }>(deactivatedBy, [batchId])
  return rows[0]?.deactivated ?? 0
}
