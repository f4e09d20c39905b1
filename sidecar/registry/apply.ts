import type pg from 'pg'
import { countDeactivated, deriveStatuses } from './derive-statuses.ts'
import { PlanOutdated } from './errors.ts'
import { inPartitions, sql } from './sql.ts'

const lockPeople = sql('apply/01-lock-people.sql')
const countMoved = sql('apply/02-count-moved.sql')
const insertStrNumbers = sql('apply/03-insert-str-numbers.sql')
const insertPeople = sql('apply/04-insert-people.sql')
const settleDecisions = sql('apply/05-settle-decisions.sql')
const mergePeople = sql('apply/06-merge-people.sql')
const updatePeople = sql('apply/07-update-people.sql')
const formerNiks = sql('apply/08-former-niks.sql')
const insertRegistrations = sql('apply/09-insert-registrations.sql')
const updateRegistrations = sql('apply/10-update-registrations.sql')
const touchedPeople = sql('apply/11-touched-people.sql')
const rejections = sql('apply/12-rejections.sql')
const rejectionOccurrences = sql('apply/13-rejection-occurrences.sql')
const settleRefusedAgain = sql('apply/14-settle-refused-again.sql')
const settleInGoodOrder = sql('apply/15-settle-in-good-order.sql')
const closeRejections = sql('apply/16-close-rejections.sql')
const countLookalikes = sql('apply/17-count-lookalikes.sql')

interface Counted {
  rows: number
  moved: number
  hasUpdates: boolean
  hasCreated: boolean
}

/**
 * Where a batch brings more than the registry holds, the planner's picture of the registry is of no use: it may take tables
 * that fill within this transaction for empty, and loop over all of them for each row.
 */
const withoutLoops = `select set_config('enable_nestloop', 'off', true)
  from pg_class where oid = 'sdmk.registration'::regclass and reltuples < $1`

/**
 * Does what the plan of a batch says, within the caller's transaction: registry, change records and desk. Returns how
 * many licences went from active to an ended state by the day `asOf` (`YYYY-MM-DD`).
 *
 * Writes follow one order in all batches (str_number, health_worker, registration, change; each by key), so that batches
 * side by side wait for each other instead of deadlocking.
 * @throws PlanOutdated where a person or registration has moved since the plan was made; a unique violation where another
 *   batch was first with an STR or a NIK. Both mean: roll back and plan again.
 */
export async function applyPlan(
  client: pg.ClientBase,
  batchId: number,
  asOf: string
): Promise<{ deactivated: number }> {
  const run = <R extends pg.QueryResultRow>(statement: string, values: unknown[] = []) =>
    client.query<R>(inPartitions(statement, batchId), values)
  await client.query(`set local work_mem = '64MB'; set local jit = off`)
  await run(lockPeople, [batchId])
  const counted = await run<Counted>(countMoved, [batchId])
  const { rows, moved, hasUpdates, hasCreated } = counted.rows[0] as Counted
  if (moved > 0) throw new PlanOutdated(batchId, moved)
  await client.query(withoutLoops, [rows])

  await run(insertStrNumbers, [batchId])
  await run(insertPeople, [batchId])
  await run(settleDecisions, [batchId])
  await run(mergePeople, [batchId])
  await run(updatePeople, [batchId])
  await run(formerNiks)
  await run(insertRegistrations, [batchId])
  if (hasUpdates) {
    for (const isEndingOnly of [false, true]) await run(updateRegistrations, [batchId, isEndingOnly])
  }
  await run(touchedPeople, [batchId])
  await deriveStatuses(client, { batchId, asOf })
  const deactivated = await countDeactivated(client, batchId)
  await client.query('set local enable_nestloop = on')
  await run(rejections, [batchId])
  await run(rejectionOccurrences, [batchId])
  await run(settleRefusedAgain, [batchId])
  await run(settleInGoodOrder, [batchId])
  await run(closeRejections, [batchId])
  if (hasCreated) await refuseLookalikes(client, batchId)
  return { deactivated }
}

/**
 * Two batches that create the same person without a NIK collide in no unique index. So the last step of each, one batch
 * at a time until it commits, is to look for whom another has created since the plan was made.
 */
async function refuseLookalikes(client: pg.ClientBase, batchId: number): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('sdmk created people', 0))`)
  const { rows } = await client.query<{ lookalikes: number }>(inPartitions(countLookalikes, batchId), [batchId])
  if (rows[0] && rows[0].lookalikes > 0) throw new PlanOutdated(batchId, rows[0].lookalikes)
}

/** True where applying a plan met what another batch did in the meantime, so that a new plan may succeed. */
export function isLostRace(error: unknown): boolean {
  if (error instanceof PlanOutdated) return true
  const { code } = error as { code?: string }
  return code === uniqueViolation || code === deadlockDetected || code === foreignKeyViolation
}

const uniqueViolation = '23505'
const foreignKeyViolation = '23503'
const deadlockDetected = '40P01'
