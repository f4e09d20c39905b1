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

/** Returns how many licences a batch deactivated, by profession, from its change records. */
export async function countDeactivated(client: pg.ClientBase, batchId: number): Promise<Map<string, number>> {
  const { rows } = await client.query<{ profession: string; deactivated: number }>(deactivatedBy, [batchId])
  return new Map(rows.map(({ profession, deactivated }) => [profession, deactivated]))
}

/** Returns the sum of counts. */
export function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}
