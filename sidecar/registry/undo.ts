import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { deriveStatuses } from './derive-statuses.ts'
import { giveBackNiks } from './move-niks.ts'
import { settlePlanner } from './planner.ts'
import { sql } from './sql.ts'
import { renewStatistics } from './statistics.ts'

const lock = ['undo/compare/01-lock-str-numbers.sql', 'undo/compare/02-lock-people.sql'].map(sql)
const compareRegistrations = sql('undo/compare/03-registrations.sql')
const comparePeople = sql('undo/compare/04-people.sql')
const keepNiks = sql('undo/compare/05-niks-of-others.sql')
const restoreRegistrations = sql('undo/restore/01-registrations.sql')
const touchedPeople = sql('undo/restore/02-touched-people.sql')
const deleteRegistrations = sql('undo/restore/03-delete-registrations.sql')
const deleteStrNumbers = sql('undo/restore/04-delete-str-numbers.sql')
const withdrawDecisions = sql('undo/restore/05-withdraw-decisions.sql')
const deletePeople = sql('undo/restore/06-delete-people.sql')
const restorePeople = sql('undo/restore/07-people.sql')
const formerNiks = sql('undo/restore/08-former-niks.sql')
const reopenRejections = sql('undo/restore/09-reopen-rejections.sql')
const left = sql('undo/report/01-left.sql')
const foreseen = sql('undo/report/02-foreseen.sql')

/** Ids of each kind that a report lists; the counts include further ones. */
const namedLeft = 10_000
/** A preview of the undo lists only so many ids of each kind. */
const namedForeseen = 20

/** A record of an undone batch that stays: the whole record if `fields` is empty, otherwise these fields. */
export interface Left {
  id: number
  fields: string[]
}

export interface UndoReport {
  registrationsDeleted: number
  registrationsRestored: number
  peopleDeleted: number
  peopleRestored: number
  strNumbersDeleted: number
  decisionsWithdrawn: number
  rejectionsReopened: number
  registrationsLeft: number
  peopleLeft: number
  left: { registrations: Left[]; people: Left[] }
}

/**
 * Undoes an applied batch from its change records, within the caller's transaction; `asOf` (`YYYY-MM-DD`) is the day for
 * expiry if a status must be derived again.
 *
 * New registrations and people are deleted, unless other records depend on them (later changes and registrations, decisions,
 * edits). Fields get their former values, including content hashes and stamps, unless a later change that was not undone
 * touched the same value or its stamp: a newer row of KKI that confirms a value keeps it.
 * @throws SealBroken, SealUnfit if a NIK to restore does not belong to its person; nothing is undone then
 */
export async function undoBatch(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  asOf: string
): Promise<UndoReport> {
  await settlePlanner(client)
  // The planner expects no change records for a batch that is newer than the statistics.
  await renewStatistics(client, 'kki.change')
  for (const step of lock) await client.query(step, [batchId])
  await client.query(compareRegistrations, [batchId])
  await client.query('analyze undo_registration')
  await client.query(comparePeople, [batchId])
  await client.query('analyze undo_person')
  await client.query(keepNiks)
  await giveBackNiks(client, identity)

  const registrationsRestored = await count(client, restoreRegistrations)
  await client.query(touchedPeople, [batchId])
  const registrationsDeleted = await count(client, deleteRegistrations)
  const strNumbersDeleted = await count(client, deleteStrNumbers)
  const decisionsWithdrawn = await count(client, withdrawDecisions, [batchId])
  const peopleDeleted = await count(client, deletePeople)
  const peopleRestored = await count(client, restorePeople)
  await client.query(formerNiks)
  await deriveStatuses(client, { batchId: null, asOf })
  const rejectionsReopened = await count(client, reopenRejections, [batchId])
  const { rows } = await client.query<Kept>(left, [namedLeft])
  const { registrations, people, ...counts } = rows[0] as Kept
  return {
    registrationsDeleted,
    registrationsRestored,
    peopleDeleted,
    peopleRestored,
    strNumbersDeleted,
    decisionsWithdrawn,
    rejectionsReopened,
    ...counts,
    left: { registrations, people }
  }
}

interface Kept {
  registrationsLeft: number
  peopleLeft: number
  registrations: Left[]
  people: Left[]
}

/** The effects that an undo would have. */
export type ForeseenUndo = Omit<UndoReport, 'strNumbersDeleted' | 'decisionsWithdrawn'>

/**
 * Returns the effects that `undoBatch` would have now, within a transaction that the caller rolls back. It makes the same
 * comparison as the undo, but locks no rows. So the undo may have other effects if the registry changes in between.
 */
export async function foreseeUndo(client: pg.ClientBase, batchId: number): Promise<ForeseenUndo> {
  await settlePlanner(client)
  await client.query(compareRegistrations, [batchId])
  await client.query('analyze undo_registration')
  await client.query(comparePeople, [batchId])
  await client.query('analyze undo_person')
  await client.query(keepNiks)
  const { rows: counts } = await client.query<Omit<ForeseenUndo, keyof Kept | 'left'>>(foreseen, [batchId])
  const { rows } = await client.query<Kept>(left, [namedForeseen])
  const { registrations, people, ...kept } = rows[0] as Kept
  return { ...(counts[0] as (typeof counts)[0]), ...kept, left: { registrations, people } }
}

/** Returns the row count of a step's last statement. */
async function count(client: pg.ClientBase, text: string, values: unknown[] = []): Promise<number> {
  return [await client.query(text, values)].flat().at(-1)?.rowCount ?? 0
}
