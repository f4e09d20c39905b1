import type pg from 'pg'
import { PlanOutdated } from './errors.ts'
import { sql } from './sql.ts'

const lockPeople = sql('apply/01-lock-people.sql')
const countMoved = sql('apply/02-count-moved.sql')
const insertStrNumbers = sql('apply/03-insert-str-numbers.sql')
const insertPeople = sql('apply/04-insert-people.sql')
const mergePeople = sql('apply/05-merge-people.sql')
const updatePeople = sql('apply/06-update-people.sql')
const insertRegistrations = sql('apply/07-insert-registrations.sql')
const updateRegistrations = sql('apply/08-update-registrations.sql')
const rejections = sql('apply/09-rejections.sql')
const rejectionOccurrences = sql('apply/10-rejection-occurrences.sql')

/**
 * Does what the plan of a batch says, within the caller's transaction: registry, change records and desk. Returns how
 * many licences went from active to an ended state.
 *
 * Writes follow one order in all batches (str_number, health_worker, registration, change; each by key), so that batches
 * side by side wait for each other instead of deadlocking.
 * @throws PlanOutdated where a person or registration has moved since the plan was made; a unique violation where another
 *   batch was first with an STR or a NIK. Both mean: roll back and plan again.
 */
export async function applyPlan(client: pg.ClientBase, batchId: number): Promise<{ deactivated: number }> {
  await client.query(`set local work_mem = '64MB'; set local jit = off`)
  await client.query(lockPeople, [batchId])
  const { rows: moved } = await client.query<{ moved: number }>(countMoved, [batchId])
  if (moved[0] && moved[0].moved > 0) throw new PlanOutdated(batchId, moved[0].moved)

  await client.query(insertStrNumbers, [batchId])
  await client.query(insertPeople, [batchId])
  await client.query(mergePeople, [batchId])
  await client.query(updatePeople)
  await client.query(insertRegistrations, [batchId])
  let deactivated = 0
  for (const isEndingOnly of [false, true]) {
    const { rows } = await client.query<{ deactivated: number }>(updateRegistrations, [batchId, isEndingOnly])
    deactivated += rows[0]?.deactivated ?? 0
  }
  await client.query(rejections, [batchId])
  await client.query(rejectionOccurrences, [batchId])
  return { deactivated }
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
