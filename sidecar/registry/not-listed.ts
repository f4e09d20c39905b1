import type pg from 'pg'
import { withoutLoops } from './planner.ts'
import { sql } from './sql.ts'
import { useStaging } from './staging.ts'

const noteSeen = sql('not-listed/01-seen.sql')
const noteShown = sql('not-listed/02-shown.sql')
const noteMissed = sql('not-listed/03-missed.sql')

/** A registration that full runs no longer show. It stays unchanged. */
export interface NotListedRegistration {
  registrationId: number
  healthWorkerId: number
  strNumber: string
  profession: string
  status: string
  /** Full runs in a row that did not show it. */
  missedRuns: number
  firstMissedAt: string
  lastMissedAt: string
  lastBatchId: number
}

/** A page that KKI loses for one night must not cause an alarm. */
export const reportedFrom = 2

/** Resets the count for registrations that the staged rows of a batch show, within the caller's transaction. */
export async function recordSeen(client: pg.ClientBase, batchId: number): Promise<void> {
  await useStaging(client, batchId)
  await client.query(noteSeen)
}

/**
 * Stores the registrations that a batch of a full run shows, within the caller's transaction and before its staging is
 * dropped.
 */
export async function recordShown(
  client: pg.ClientBase,
  { id, runId, runStarted }: { id: number; runId: number; runStarted: Date }
): Promise<void> {
  await useStaging(client, id)
  await client.query(noteShown, [id, runId, runStarted])
}

/** Counts the registrations that no batch of a full run has shown, within the transaction that applies the last of them. */
export async function recordMissed(
  client: pg.ClientBase,
  { runId, professions, since }: { runId: number; professions: string[] | null; since: Date }
): Promise<void> {
  await withoutLoops(client, () => client.query(noteMissed, [runId, professions, since]))
  await client.query('delete from kki.shown where run_id = $1', [runId])
}

/** Deletes the shown registrations of full runs that will not be applied as a whole. */
export async function forgetShown(pool: pg.Pool): Promise<void> {
  await pool.query(
    `delete from kki.shown s where not exists (
      select from kki.batch b where b.run_id = s.run_id and kki.is_open(b.state)
    )`
  )
}

/** Returns the registrations that two full runs in a row, or more, did not show, by id. */
export async function readNotListed(
  connection: pg.Pool | pg.ClientBase,
  { after, limit }: { after: number; limit: number }
): Promise<{ items: NotListedRegistration[]; next: number | null }> {
  const { rows } = await connection.query<NotListedRegistration & { firstMissedAt: Date; lastMissedAt: Date }>(
    `select u.registration_id as "registrationId", r.health_worker_id as "healthWorkerId", r.str_number as "strNumber",
      r.profession, r.status, u.missed_runs as "missedRuns", u.first_missed_at as "firstMissedAt",
      u.last_missed_at as "lastMissedAt", u.last_batch_id as "lastBatchId"
    from kki.not_listed u join sdmk.registration r on r.id = u.registration_id
      join sdmk.health_worker h on h.id = r.health_worker_id and h.restricted_at is null
    where u.missed_runs >= ${reportedFrom} and u.registration_id > $1
    order by u.registration_id limit $2`,
    [after, limit + 1]
  )
  const items = rows.slice(0, limit).map(row => ({
    ...row,
    firstMissedAt: row.firstMissedAt.toISOString(),
    lastMissedAt: row.lastMissedAt.toISOString()
  }))
  return { items, next: rows.length > limit ? (items.at(-1)?.registrationId ?? null) : null }
}

/** Returns the number of these registrations. */
export async function countNotListed(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*) as count from kki.not_listed where missed_runs >= ${reportedFrom}`
  )
  return rows[0]?.count ?? 0
}
