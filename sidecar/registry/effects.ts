import type pg from 'pg'
import { sql } from './sql.ts'
import { useStaging } from './staging.ts'

const effects = sql('plan/report/04-effects.sql')
const sizes = sql('plan/report/05-sizes.sql')

/** Counts of a plan's effects on people who are already in the registry. */
export interface Effects {
  /** Licences that would be deactivated, including those that a death deactivates. */
  deactivations: number
  /** Rows that would change the name of a person. */
  namesChanged: number
  /** Rows that would add a registration to a person. */
  linked: number
}

export interface Sizes {
  /** Valid rows of the batch. */
  rows: number
  /** Valid rows whose registration is already in the registry. */
  known: number
}

/**
 * Returns the effects of a plan by profession, within the caller's transaction. Professions without effects are absent.
 */
export async function readEffects(
  client: pg.ClientBase,
  batchId: number
): Promise<(Effects & { profession: string })[]> {
  await useStaging(client, batchId)
  const { rows } = await client.query<Effects & { profession: string }>(effects)
  return rows
}

/** Returns the sizes that the gate compares the effects with, by profession of the rows. */
export async function readSizes(client: pg.ClientBase, batchId: number): Promise<(Sizes & { profession: string })[]> {
  await useStaging(client, batchId)
  const { rows } = await client.query<Sizes & { profession: string }>(sizes)
  return rows
}

/** Counts the active licences of each of these professions. Slow: it reads the whole registry. */
export async function countActive(client: pg.ClientBase, professions: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await client.query<{ profession: string; active: number }>(
    `select profession, count(*) as active from sdmk.registration
    where status = 'active' and profession = any ($1) group by profession`,
    [professions]
  )
  return new Map(rows.map(({ profession, active }) => [profession, active]))
}
