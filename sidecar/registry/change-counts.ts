import type pg from 'pg'
import { countPlannedStampOnly } from './changes.ts'
import { readEffects } from './effects.ts'
import { sql } from './sql.ts'

const plannedProfessions = sql('changes/planned-professions.sql')
const plannedCodes = sql('changes/planned-codes.sql')
const recordedProfessions = sql('changes/recorded-professions.sql')
const recordedCodes = sql('changes/recorded-codes.sql')

/** What a batch does in one profession; '' stands for rows whose profession cannot be read. */
export interface ProfessionChanges {
  profession: string
  created: number
  linked: number
  updated: number
  rejected: number
  deactivated: number
  namesChanged: number
}

export interface CodeCount {
  code: string
  count: number
}

/** What a plan would do, in numbers. They are recorded with a batch on hold: its plan has many rows, and is looked at often. */
export interface PlanCounts {
  professions: ProfessionChanges[]
  /** Lines in which nothing but a stamp changes. */
  stampOnly: number
}

/** Returns the numbers of a plan, within the caller's transaction. */
export async function readPlanCounts(client: pg.ClientBase, batchId: number): Promise<PlanCounts> {
  return {
    professions: await readPlannedProfessions(client, batchId),
    stampOnly: await countPlannedStampOnly(client, batchId)
  }
}

/** Returns what the plan of a batch would do, by profession, within the caller's transaction. */
async function readPlannedProfessions(client: pg.ClientBase, batchId: number): Promise<ProfessionChanges[]> {
  const { rows } = await client.query<ProfessionChanges>(plannedProfessions, [batchId])
  const effects = await readEffects(client, batchId)
  return withDeactivated(
    rows,
    effects.map(({ profession, deactivations }) => [profession, deactivations])
  )
}

/**
 * Returns what a batch has just done by its plan, within the transaction that applies it: the same rows as in the ledger.
 * @param deactivated licences that ended, by profession
 */
export async function readAppliedProfessions(
  client: pg.ClientBase,
  batchId: number,
  deactivated: ReadonlyMap<string, number>
): Promise<ProfessionChanges[]> {
  const { rows } = await client.query<ProfessionChanges>(plannedProfessions, [batchId])
  return withDeactivated(rows, [...deactivated])
}

/** Returns what a batch without a plan has just done, by profession, within the transaction that does it. */
export async function readRecordedProfessions(
  client: pg.ClientBase | pg.Pool,
  batchId: number
): Promise<ProfessionChanges[]> {
  const { rows } = await client.query<ProfessionChanges>(recordedProfessions, [batchId])
  return rows
}

function withDeactivated(rows: ProfessionChanges[], counts: (readonly [string, number])[]): ProfessionChanges[] {
  const byProfession = new Map(rows.map(row => [row.profession, row]))
  for (const [profession, deactivated] of counts) {
    const none = { profession, created: 0, linked: 0, updated: 0, rejected: 0, deactivated: 0, namesChanged: 0 }
    byProfession.set(profession, { ...(byProfession.get(profession) ?? none), deactivated })
  }
  return [...byProfession.values()].sort((a, b) => (a.profession < b.profession ? -1 : 1))
}

/** Returns for which codes rows are rejected, or, of an applied batch, were shown to people. */
export async function readRejectedCodes(
  client: pg.ClientBase | pg.Pool,
  batchId: number,
  isPlan: boolean
): Promise<CodeCount[]> {
  const { rows } = await client.query<CodeCount>(isPlan ? plannedCodes : recordedCodes, [batchId])
  return rows
}
