import type pg from 'pg'
import { countPlannedStampOnly } from './changes.ts'
import { readEffects } from './effects.ts'
import { sql } from './sql.ts'

const plannedProfessions = sql('changes/planned-professions.sql')
const plannedCodes = sql('changes/planned-codes.sql')
const recordedProfessions = sql('changes/recorded-professions.sql')
const recordedCodes = sql('changes/recorded-codes.sql')

/** Counts of one profession in a batch; the profession '' stands for rows whose profession cannot be read. */
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

/** Counts of a plan. They are stored when a batch is put on hold, because its plan is large and people open it often. */
export interface PlanCounts {
  professions: ProfessionChanges[]
  /** Rows that change only a stamp. */
  stampOnly: number
}

/** Counts the changes of a plan, within the caller's transaction. */
export async function readPlanCounts(client: pg.ClientBase, batchId: number): Promise<PlanCounts> {
  return {
    professions: await readPlannedProfessions(client, batchId),
    stampOnly: await countPlannedStampOnly(client, batchId)
  }
}

/** Counts the changes of a plan by profession, within the caller's transaction. */
async function readPlannedProfessions(client: pg.ClientBase, batchId: number): Promise<ProfessionChanges[]> {
  const { rows } = await client.query<ProfessionChanges>(plannedProfessions, [batchId])
  const effects = await readEffects(client, batchId)
  return withDeactivated(
    rows,
    effects.map(({ profession, deactivations }) => [profession, deactivations])
  )
}

/**
 * Counts the changes of a batch by profession, within the transaction that applies its plan. The counts agree with the ledger.
 * @param deactivated the deactivated licences of each profession
 */
export async function readAppliedProfessions(
  client: pg.ClientBase,
  batchId: number,
  deactivated: ReadonlyMap<string, number>
): Promise<ProfessionChanges[]> {
  const { rows } = await client.query<ProfessionChanges>(plannedProfessions, [batchId])
  return withDeactivated(rows, [...deactivated])
}

/** Counts the changes of a batch without a plan by profession, within the transaction that makes them. */
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

/** Counts rejected rows by code: those that the plan would reject, or those that an applied batch put into the review queue. */
export async function readRejectedCodes(
  client: pg.ClientBase | pg.Pool,
  batchId: number,
  isPlan: boolean
): Promise<CodeCount[]> {
  const { rows } = await client.query<CodeCount>(isPlan ? plannedCodes : recordedCodes, [batchId])
  return rows
}
