import type pg from 'pg'
import type { Transaction } from '../platform/database.ts'
import type { Batch } from './batch.ts'

/**
 * A window to fetch again, since a batch that stored it was undone. The next incremental run includes it in its own window.
 * Such a run is held for a person, and the window is done once the whole run is applied.
 */
export interface Refetch {
  /** Null: from the beginning. */
  since: Date | null
  until: Date
  /** Null: all. */
  professions: string[] | null
}

/** Requests a window again, within the transaction that undoes a batch. */
export async function requestRefetch(
  client: pg.ClientBase,
  undoneBatchId: number,
  { since, until, professions }: Refetch
): Promise<void> {
  await client.query('insert into kki.refetch (since, until, professions, undone_batch_id) values ($1, $2, $3, $4)', [
    since,
    until,
    professions,
    undoneBatchId
  ])
}

/**
 * Windows (`f`) with professions of the run `r`, regardless of its window. A run that is not filtered reads all
 * professions of the setting; if the setting names more later, everything is fetched.
 */
const walkedBy = `f.done_at is null and (not r.is_filtered or r.professions is null or f.professions <@ r.professions)`

/**
 * Assigns the open windows to a run, within the transaction that sets its own window, and returns the earliest start:
 * `since: null` if one has no lower bound, null if there are none. A window run takes only those that are wholly inside
 * its window.
 */
export async function takeRefetches(client: pg.ClientBase, runId: number): Promise<{ since: Date | null } | null> {
  const { rows } = await client.query<{ since: Date | null }>(
    `update kki.refetch f set run_id = r.id
    from kki.run r
    where r.id = $1 and ${walkedBy}
      and (r.mode <> 'window' or (r.changed_since <= f.since and r.changed_until >= f.until))
      and not exists (select from kki.run other where other.id = f.run_id and other.id <> r.id and other.finished_at is null)
    returning f.since`,
    [runId]
  )
  if (rows.length === 0) return null
  const begins = rows.map(({ since }) => since?.getTime() ?? null)
  return { since: begins.includes(null) ? null : new Date(Math.min(...(begins as number[]))) }
}

/** True if the run includes a window that is fetched again: it is then held for a person. */
export async function meetsRefetch(client: pg.ClientBase, { runId }: Pick<Batch, 'runId'>): Promise<boolean> {
  const { rows } = await client.query(
    `select from kki.refetch f, kki.run r
    where r.id = $1 and f.done_at is null
      and (r.professions is null or f.professions is null or f.professions && r.professions)
      and (f.since is null or r.window_until is null or r.mode = 'full' or f.since < r.window_until)
      and (r.window_since is null or f.until > r.window_since)
    limit 1`,
    [runId]
  )
  return rows.length > 0
}

/** Marks the windows of a run as done, within the transaction that applies its last batch. */
export async function finishRefetches(client: Transaction, runId: number): Promise<void> {
  const { rows } = await client.query<{ undone_batch_id: number }>(
    `update kki.refetch set done_at = now() where run_id = $1 and done_at is null returning undone_batch_id`,
    [runId]
  )
  const ids = rows.map(({ undone_batch_id }) => undone_batch_id)
  await client.query('update kki.batch set version = version + 1 where id = any ($1::bigint[])', [ids])
  client.notifyOdoo({ batches: ids })
}
