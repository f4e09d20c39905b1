import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { countDeactivated, deriveStatuses, sumOf } from './derive-statuses.ts'
import { PlanOutdated } from './errors.ts'
import { moveMergedNiks } from './move-niks.ts'
import { settlePlanner, withoutLoops } from './planner.ts'
import { sql } from './sql.ts'
import { useStaging } from './staging.ts'

const lockPeople = sql('apply/check/01-lock-people.sql')
const countMoved = sql('apply/check/02-count-moved.sql')
const countLookalikes = sql('apply/check/03-lookalikes-of-created-people.sql')
const insertStrNumbers = sql('apply/people/01-insert-str-numbers.sql')
const insertPeople = sql('apply/people/02-insert-people.sql')
const settleDecisions = sql('apply/people/03-settle-decisions.sql')
const mergePeople = sql('apply/people/04-merge-people.sql')
const updatePeople = sql('apply/people/05-update-people.sql')
const formerNiks = sql('apply/people/06-former-niks.sql')
const insertRegistrations = sql('apply/registrations/01-insert-registrations.sql')
const updateRegistrations = sql('apply/registrations/02-update-registrations.sql')
const touchedPeople = sql('apply/registrations/03-touched-people.sql')
const rejections = sql('apply/rejections/01-rejections.sql')
const rejectionOccurrences = sql('apply/rejections/02-occurrences.sql')
const settleRejections = sql('apply/rejections/03-settle.sql')

interface Counted {
  moved: number
  hasUpdates: boolean
  hasCreated: boolean
  isMostOfAll: boolean
}

/**
 * Applies the plan of a batch within the caller's transaction: registry, change records and review queue. Returns how many
 * licences went from active to a deactivated status by the day `asOf` (`YYYY-MM-DD`), by profession as well.
 *
 * Writes follow one order in all batches (str_number, health_worker, registration, change; each by key), so that concurrent
 * batches wait for each other instead of deadlocking.
 * @throws PlanOutdated if a person or registration has changed since the plan was made; a unique violation if another batch
 *   was first with an STR or a NIK. Both mean: roll back and plan again.
 */
export async function applyPlan(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  asOf: string
): Promise<{ deactivated: number; byProfession: Map<string, number> }> {
  const run = <R extends pg.QueryResultRow>(statement: string, values: unknown[] = []) =>
    client.query<R>(statement, values)
  await settlePlanner(client)
  await useStaging(client, batchId)
  await run(lockPeople)
  const counted = await run<Counted>(countMoved)
  const { moved, hasUpdates, hasCreated, isMostOfAll } = counted.rows[0] as Counted
  if (moved > 0) throw new PlanOutdated(batchId, moved)
  const writeRegistry = async () => {
    await run(insertStrNumbers)
    await run(insertPeople)
    await run(settleDecisions)
    await run(mergePeople, [batchId])
    await moveMergedNiks(client, identity)
    await run(updatePeople, [batchId])
    await run(formerNiks)
    await run(insertRegistrations, [batchId])
    if (hasUpdates) {
      for (const isDeactivationOnly of [false, true]) await run(updateRegistrations, [batchId, isDeactivationOnly])
    }
    await run(touchedPeople, [batchId])
    await deriveStatuses(client, { batchId, asOf })
    return countDeactivated(client, batchId)
  }
  // Tables that are filled within this transaction have outdated statistics: the planner takes them for empty.
  const byProfession = await (isMostOfAll ? withoutLoops(client, writeRegistry) : writeRegistry())
  await run(rejections, [batchId])
  await run(rejectionOccurrences, [batchId])
  await run(settleRejections, [batchId])
  if (hasCreated) await refuseLookalikes(client, batchId)
  return { deactivated: sumOf(byProfession), byProfession }
}

/**
 * Two batches that create the same person without a NIK violate no unique index. So the last step of each batch looks for
 * similar people that another batch created since the plan was made; one batch at a time until it commits.
 */
async function refuseLookalikes(client: pg.ClientBase, batchId: number): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('sdmk created people', 0))`)
  const results = (await client.query(countLookalikes)) as unknown as pg.QueryResult<{ lookalikes: number }>[]
  const lookalikes = results.at(-1)?.rows[0]?.lookalikes ?? 0
  if (lookalikes > 0) throw new PlanOutdated(batchId, lookalikes)
}

/** True if the apply conflicted with another batch, so that a new plan may succeed. */
export function isLostRace(error: unknown): boolean {
  if (error instanceof PlanOutdated) return true
  const { code } = error as { code?: string }
  return code === uniqueViolation || code === deadlockDetected || code === foreignKeyViolation
}

const uniqueViolation = '23505'
const foreignKeyViolation = '23503'
const deadlockDetected = '40P01'
