import type pg from 'pg'
import type { Candidate } from '../transform/types.ts'
import { sql } from './sql.ts'

const find = sql('unchanged.sql')

/** A valid row, and the digest of its NIK. */
export interface DigestedCandidate {
  candidate: Candidate
  nikDigest: Buffer | null
}

export interface Unchanged {
  /** Indexes of the rows in the given list. */
  places: Set<number>
  /** Their registrations, one for each, as text of a PostgreSQL array; null if there is none. */
  registrationIds: string | null
}

/**
 * Finds the rows of a page whose content SDMK already holds. They need no decision, so they are counted and not staged. A
 * row with a problem is planned each time. An element of `rows` is null if that row was rejected.
 */
export async function findUnchanged(
  client: pg.ClientBase | pg.Pool,
  rows: readonly (DigestedCandidate | null)[]
): Promise<Unchanged> {
  const asked = [...rows.entries()].flatMap(([place, row]) =>
    row && isPlain(row.candidate) ? [{ place, ...row }] : []
  )
  if (asked.length === 0) return { places: new Set(), registrationIds: null }
  const { rows: found } = await client.query<{ places: number[]; registrationIds: string }>(find, [
    asked.map(({ candidate }) => candidate.strNumber).join(),
    asked.map(({ candidate }) => candidate.profession).join(),
    asked.map(({ candidate }) => candidate.contentHash).join(),
    asked.map(({ nikDigest }) => nikDigest?.toString('hex') ?? '').join()
  ])
  const { places, registrationIds } = found[0] as { places: number[]; registrationIds: string }
  return {
    places: new Set(places.map(n => (asked[n] as { place: number }).place)),
    registrationIds: places.length > 0 ? registrationIds : null
  }
}

/** True for a row without a problem; a row with a problem is stored only in part. */
function isPlain({ deactivationOnly, problems }: Candidate): boolean {
  return !deactivationOnly && problems.length === 0
}
