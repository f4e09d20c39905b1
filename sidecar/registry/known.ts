import type pg from 'pg'
import type { Transform } from '../transform/transform.ts'
import type { Candidate, OwnCandidate, RowPosition } from '../transform/types.ts'
import { compactExactly } from './exact-json.ts'
import type { Identity } from './identity.ts'
import { inPartitions, sql } from './sql.ts'
import { refusedForContent, type StagedCandidate, type StagedPage, type StagedRejection, stageRows } from './stage.ts'
import { readRowTexts } from './staged-texts.ts'

const find = sql('known/01-find.sql')
const takeDoubtful = sql('known/02-doubtful.sql')
/** A control character, of which cleaned texts have none. */
const separator = '\u001f'
/** Doubtful rows that are read at a time; bounds memory whatever their number. */
const doubtfulAtATime = 1000

/**
 * Returns the page with those rows set aside that say what SDMK holds already, word for word: they are staged as a mere
 * mention, since nothing is to be done for them. A row with a problem or a warning is never one of them.
 */
export async function setKnownAside<Page extends StagedPage>(pool: pg.Pool, page: Page): Promise<Page> {
  const plain = page.candidates.filter(({ candidate }) => isPlain(candidate))
  if (plain.length === 0) return page
  const listOf = (textOf: (candidate: Candidate | OwnCandidate) => string | null) =>
    plain.map(({ candidate }) => textOf(candidate)).join(separator)
  const { rows } = await pool.query<{ place: number; id: number; version: number }>(find, [
    listOf(candidate => candidate.strNumber),
    listOf(candidate => candidate.profession),
    listOf(candidate => candidate.contentHash),
    separator
  ])
  if (rows.length === 0) return page
  const known = rows.map(({ place, id, version }) => {
    const { position } = plain[place] as StagedCandidate
    return { position, registrationId: id, registrationVersion: version }
  })
  const aside = new Set(known.map(({ position }) => position))
  return { ...page, known, candidates: page.candidates.filter(({ position }) => !aside.has(position)) }
}

function isPlain(candidate: Candidate | OwnCandidate): boolean {
  const { endingOnly, warnings, problems } = candidate
  return !endingOnly && warnings.length === 0 && problems.length === 0 && !('personAt' in candidate)
}

/**
 * Stages those known rows of a batch in full of which something may have to be decided after all, within the transaction
 * that plans the batch.
 */
export async function stageDoubtful(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  transform: Transform
): Promise<void> {
  const { rows } = await client.query<RowPosition>(inPartitions(takeDoubtful, batchId), [batchId])
  rows.sort((a, b) => a.rowNo - b.rowNo)
  for (let i = 0; i < rows.length; i += doubtfulAtATime) {
    const candidates: StagedCandidate[] = []
    const rejections: StagedRejection[] = []
    for await (const [position, text] of readRowTexts(client, batchId, identity, rows.slice(i, i + doubtfulAtATime))) {
      // It was in good order when it came; a mapping that was changed since may refuse it.
      const result = transform(JSON.parse(text), { sourceNow: Date.now(), maxSkewMs: Number.POSITIVE_INFINITY })
      if (result.ok) candidates.push({ position, candidate: result.value })
      else {
        const { rejections: problems, strNumber, profession, urgent } = result
        rejections.push(
          refusedForContent({ position, strNumber, profession, problems, urgent, raw: compactExactly(text) })
        )
      }
    }
    await stageRows(client, batchId, identity, { candidates, rejections })
  }
}
