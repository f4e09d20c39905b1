import type pg from 'pg'
import { sql } from './sql.ts'
import { useStaging } from './staging.ts'

const effects = sql('plan/report/04-effects.sql')
const sizes = sql('plan/report/05-sizes.sql')

/** What a plan would do to people whom SDMK knows. */
export interface Effects {
  /** Licences that would go from active to an ended state, those that a death ends included. */
  deactivations: number
  /** Rows whose name would replace another one. */
  namesChanged: number
  /** Rows that would add a registration to somebody. */
  linked: number
}

export interface Sizes {
  /** Rows of the batch that were not refused for their content. */
  rows: number
  /** Those among them whose registration SDMK holds. */
  known: number
}

/**
 * Returns what the plan of a batch would do, by profession, within the caller's transaction; professions in which it does
 * nothing of it are absent.
 */
export async function readEffects(
  client: pg.ClientBase,
  batchId: number
): Promise<(Effects & { profession: string })[]> {
  await useStaging(client, batchId)
  const { rows } = await client.query<Effects & { profession: string }>(effects)
  return rows
}

/** Returns what the effects of a batch are measured against, by profession of its rows. */
export async function readSizes(client: pg.ClientBase, batchId: number): Promise<(Sizes & { profession: string })[]> {
  await useStaging(client, batchId)
  const { rows } = await client.query<Sizes & { profession: string }>(sizes)
  return rows
}

/** Returns how many licences of each of these professions are active; reads all of the registry. */
export async function countActive(client: pg.ClientBase, professions: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await client.query<{ profession: string; active: number }>(
    `select profession, count(*) as active from sdmk.registration
    where status = 'active' and profession = any ($1) group by profession`,
    [professions]
  )
  return new Map(rows.map(({ profession, active }) => [profession, active]))
}
