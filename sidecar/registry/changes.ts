import type pg from 'pg'
import { inTransaction } from '../platform/transaction.ts'
import { readEffects } from './effects.ts'
import { type Match, type Page, parseMatch } from './health-workers.ts'
import { sql } from './sql.ts'

const planned = sql('changes/planned.sql')
const plannedRejected = sql('changes/planned-rejected.sql')
const plannedProfessions = sql('changes/planned-professions.sql')
const plannedCodes = sql('changes/planned-codes.sql')
const recorded = sql('changes/recorded.sql')
const recordedProfessions = sql('changes/recorded-professions.sql')
const recordedCodes = sql('changes/recorded-codes.sql')

/** One thing that a plan would do, or that a batch did. No digit of a NIK is in it. */
export interface Change {
  /** The row of the batch, or the change record. */
  id: number
  outcome: string
  match: Match | null
  codes: string[]
  strNumber: string | null
  profession: string | null
  registrationId: number | null
  /** Null where the licence was not known. */
  statusBefore: string | null
  statusAfter: string | null
  /** Null where the person does not exist. */
  healthWorkerId: number | null
  nameBefore: string | null
  nameAfter: string | null
  /** The row or the person has a NIK. */
  hasNik: boolean
  /** Names of the fields that changed; of a plan they are not known yet. */
  fields: string[]
}

export interface ProfessionChanges {
  profession: string
  created: number
  linked: number
  updated: number
  rejected: number
  deactivated: number
  namesChanged: number
}

export interface ChangeFilter {
  outcome?: string | undefined
  effect?: 'deactivated' | 'name_changed' | undefined
}

interface PageRequest {
  after: number
  limit: number
}

export interface CodeCount {
  code: string
  count: number
}

/**
 * Returns what the plan of a batch would do, by row; rows that would stay as they are stored are left out. Rows that are
 * rejected for their own content come only where `outcome` asks for rejected rows.
 */
export async function readPlannedChanges(
  pool: pg.Pool,
  batchId: number,
  filter: ChangeFilter,
  page: PageRequest
): Promise<Page<Change>> {
  return readPage(pool, filter.outcome === 'rejected' ? plannedRejected : planned, batchId, filter, page)
}

/** Returns what an applied batch did, by change record. What has changed since is told as it was right after. */
export async function readRecordedChanges(
  pool: pg.Pool,
  batchId: number,
  filter: ChangeFilter,
  page: PageRequest
): Promise<Page<Change>> {
  return readPage(pool, recorded, batchId, filter, page)
}

/** Returns what the plan of a batch would do, by profession. */
export async function readPlannedProfessions(pool: pg.Pool, batchId: number): Promise<ProfessionChanges[]> {
  const { rows } = await pool.query<ProfessionChanges>(plannedProfessions, [batchId])
  const effects = await inTransaction(pool, client => readEffects(client, batchId))
  const byProfession = new Map(rows.map(row => [row.profession, row]))
  for (const { profession, deactivations, namesChanged } of effects) {
    const none = { profession, created: 0, linked: 0, updated: 0, rejected: 0 }
    const counts = byProfession.get(profession) ?? none
    byProfession.set(profession, { ...counts, deactivated: deactivations, namesChanged })
  }
  return [...byProfession.values()].sort((a, b) => (a.profession < b.profession ? -1 : 1))
}

/** Returns what an applied batch did, by profession; `rejected` and people without a registration are not among it. */
export async function readRecordedProfessions(pool: pg.Pool, batchId: number): Promise<ProfessionChanges[]> {
  const { rows } = await pool.query<ProfessionChanges>(recordedProfessions, [batchId])
  return rows
}

/** Returns for which codes rows are rejected, or, of an applied batch, were shown to people. */
export async function readRejectedCodes(pool: pg.Pool, batchId: number, isPlan: boolean): Promise<CodeCount[]> {
  const { rows } = await pool.query<CodeCount>(isPlan ? plannedCodes : recordedCodes, [batchId])
  return rows
}

type ChangeRow = Omit<Change, 'match'> & { reason: string | null }

async function readPage(
  pool: pg.Pool,
  text: string,
  batchId: number,
  { outcome, effect }: ChangeFilter,
  { after, limit }: PageRequest
): Promise<Page<Change>> {
  const { rows } = await pool.query<ChangeRow>(text, [batchId, after, limit + 1, outcome ?? null, effect ?? null])
  const items = rows.slice(0, limit).map(({ reason, ...change }) => ({
    ...change,
    match: reason ? parseMatch(reason) : null
  }))
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
