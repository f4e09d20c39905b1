import type pg from 'pg'
import { settlePlanner } from './planner.ts'
import { sql } from './sql.ts'

const block = sql('check/01-block.sql')
const duplicates = sql('check/02-duplicates.sql')
const contradictions = sql('check/03-contradictions.sql')
const questions = sql('check/04-questions.sql')
const ask = sql('check/05-ask.sql')
const closeMoot = sql('check/06-close-moot.sql')

/** A range of person ids, without the first number and with the second. */
export interface Block {
  after: number
  upTo: number
}

/** The results of a check. The first two are questions to a reviewer, each about the holder of one STR. */
export interface Doubts {
  duplicates: number
  contradictions: number
  /** Pairs of similar people without a licence that a question could be about. */
  withoutLicence: number
}

export const noDoubts: Doubts = { duplicates: 0, contradictions: 0, withoutLicence: 0 }

/** Returns the last person's id, and how many people there are. */
export async function measureRegistry(pool: pg.Pool): Promise<{ lastId: number; people: number }> {
  const { rows } = await pool.query<{ lastId: number; people: number }>(
    'select coalesce(max(id), 0) as "lastId", count(*) as people from sdmk.health_worker'
  )
  return rows[0] as { lastId: number; people: number }
}

/** Finds likely errors among the people of a block and stores them in temp tables, within the caller's transaction. */
export async function findDoubts(client: pg.ClientBase, { after, upTo }: Block): Promise<Doubts> {
  await settlePlanner(client)
  await client.query(block, [after, upTo])
  await client.query('analyze block')
  await client.query(duplicates)
  await client.query(contradictions)
  await client.query('analyze duplicate; analyze contradiction')
  await client.query(questions)
  const { rows } = await client.query<Doubts>(
    `select count(*) filter (where code = 'POSSIBLE_DUPLICATE') as duplicates,
      count(*) filter (where code = 'IDENTITY_CONFLICT') as contradictions,
      (select count(*) from duplicate where registration_id is null) as "withoutLicence"
    from question`
  )
  return rows[0] as Doubts
}

/** The ids of the rejections that ask the questions. */
export interface Asked {
  duplicates: number[]
  contradictions: number[]
}

/** Adds the found questions to the review queue, as rejections on this page of the batch. */
export async function askAboutDoubts(
  client: pg.ClientBase,
  batchId: number,
  { page, rowNo }: { page: number; rowNo: number }
): Promise<Asked> {
  const { rows } = await client.query<{ code: string; ids: number[] }>(ask, [batchId, page, rowNo])
  const idsOf = (code: string) => rows.find(row => row.code === code)?.ids ?? []
  return { duplicates: idsOf('POSSIBLE_DUPLICATE'), contradictions: idsOf('IDENTITY_CONFLICT') }
}

/** Closes questions of earlier checks that no longer apply, and returns the ids of their rejections. */
export async function closeMootQuestions(client: pg.ClientBase, batchId: number): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>(closeMoot, [batchId])
  return rows.map(({ id }) => id)
}
