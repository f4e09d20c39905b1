import type pg from 'pg'
import { countDeactivated, deriveStatuses, sumOf } from './derive-statuses.ts'

/** Returns whether any active licence had its last day before `asOf` (`YYYY-MM-DD`). */
export async function hasExpired(client: pg.ClientBase | pg.Pool, asOf: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from sdmk.registration where status = 'active' and valid_until < $1::date limit 1`,
    [asOf]
  )
  return rowCount === 1
}

/**
 * Ends the active licences whose last day was before `asOf`, as changes of the batch and within the caller's transaction.
 * Returns how many licences changed, and how many of them are no longer active.
 */
export async function expireLicences(
  client: pg.ClientBase,
  batchId: number,
  asOf: string
): Promise<{ changed: number; deactivated: number }> {
  await client.query(
    `create temp table touched on commit drop as
    select distinct health_worker_id from sdmk.registration where status = 'active' and valid_until < $1::date`,
    [asOf]
  )
  // People before licences, each by key: the order of all batches.
  await client.query(
    `select count(*) from (
      select from sdmk.health_worker h where h.id in (select health_worker_id from touched) order by h.id for no key update
    ) locked`
  )
  await deriveStatuses(client, { batchId, asOf })
  const { rows } = await client.query<{ changed: number }>(
    'select count(distinct registration_id) as changed from kki.change where batch_id = $1',
    [batchId]
  )
  return { changed: rows[0]?.changed ?? 0, deactivated: sumOf(await countDeactivated(client, batchId)) }
}
