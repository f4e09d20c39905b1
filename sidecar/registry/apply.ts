import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { countDeactivated, deriveStatuses } from './derive-statuses.ts'
import { PlanOutdated } from './errors.ts'
import { moveMergedNiks } from './move-niks.ts'
import { settlePlanner, withoutLoops } from './planner.ts'
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
const keepInputs = sql('apply/12-known-inputs.sql')
const rejections = sql('apply/13-rejections.sql')
const rejectionOccurrences = sql('apply/14-rejection-occurrences.sql')
const settleRefusedAgain = sql('apply/15-settle-refused-again.sql')
const settleInGoodOrder = sql('apply/16-settle-in-good-order.sql')
const closeRejections = sql('apply/17-close-rejections.sql')
const countLookalikes = sql('apply/18-count-lookalikes.sql')

interface Counted {
  moved: number
  hasUpdates: boolean
  hasCreated: boolean
  isMostOfAll: boolean
}

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
  identity: Identity,
  asOf: string
): Promise<{ deactivated: number }> {
  const run = <R extends pg.QueryResultRow>(statement: string, values: unknown[] = []) =>
    client.query<R>(inPartitions(statement, batchId), values)
  await settlePlanner(client)
  await run(lockPeople, [batchId])
  const counted = await run<Counted>(countMoved, [batchId])
  const { moved, hasUpdates, hasCreated, isMostOfAll } = counted.rows[0] as Counted
  if (moved > 0) throw new PlanOutdated(batchId, moved)
  const writeRegistry = async () => {
    await run(insertStrNumbers, [batchId])
    await run(insertPeople, [batchId])
    await run(settleDecisions, [batchId])
    await run(mergePeople, [batchId])
    await moveMergedNiks(client, identity)
    await run(updatePeople, [batchId])
    await run(formerNiks)
    await run(insertRegistrations, [batchId])
    if (hasUpdates) {
      for (const isEndingOnly of [false, true]) await run(updateRegistrations, [batchId, isEndingOnly])
    }
    await run(touchedPeople, [batchId])
    await deriveStatuses(client, { batchId, asOf })
    const deactivated = await countDeactivated(client, batchId)
    await run(keepInputs, [batchId])
    return deactivated
  }
  // Of tables that fill within this transaction the planner has no picture: it takes them for as empty as they were.
  const deactivated = await (isMostOfAll ? withoutLoops(client, writeRegistry) : writeRegistry())
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
