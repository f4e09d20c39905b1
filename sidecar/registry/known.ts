import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import type { JsonList } from '../platform/json-list.ts'
import type { Transform } from '../transform/transform.ts'
import type { RowPosition } from '../transform/types.ts'
import { compactExactly } from './exact-json.ts'
import { inPartitions, sql } from './sql.ts'
import { stageRows, type UnnumberedCandidate } from './stage.ts'
import { type KnownRegistrations, refusedForContent, type StagedRejection } from './staged-lines.ts'
import { readRowTexts } from './staged-texts.ts'

const find = sql('known/01-find.sql')
const unpack = sql('known/02-unpack.sql')
const takeDoubtful = sql('known/03-doubtful.sql')
const forget = sql('known/04-forget.sql')
/** Doubtful rows that are read at a time; bounds memory whatever their number. */
const doubtfulAtATime = 1000

export interface FoundRows {
  digests: string[]
  /** Of the rows that are known; beside them the registrations that they tell of, null where there is none. */
  places: number[]
  registrations: KnownRegistrations | null
}

/**
 * Rows that came before, byte for byte, and of which SDMK holds what they say: they are not even read, but staged as a mere
 * mention. Known by a digest of their text and of the rules by which it is read; a row with a problem is never one of them.
 */
export class KnownRows {
  readonly #pool: pg.Pool
  readonly #digestInput: (row: Buffer) => string

  constructor(pool: pg.Pool, identity: Identity, { version }: Pick<Transform, 'version'>) {
    this.#pool = pool
    this.#digestInput = identity.inputDigester(version)
  }

  /** Returns the digests of the rows at these places, and which of the places hold known rows. */
  async find(rows: JsonList, places: readonly number[]): Promise<FoundRows> {
    const digests = places.map(place => this.#digestInput(rows.bytes(place)))
    if (digests.length === 0) return { digests, places: [], registrations: null }
    const { rows: found } = await this.#pool.query<{ places: number[] } & KnownRegistrations>(find, [digests.join()])
    const { places: known, ...registrations } = found[0] as { places: number[] } & KnownRegistrations
    return {
      digests,
      places: known.map(n => places[n] as number),
      registrations: known.length > 0 ? registrations : null
    }
  }
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
  await client.query(inPartitions(unpack, batchId), [batchId])
  await client.query('analyze known')
  let rows: DoubtfulRow[]
  do {
    rows = (await client.query<DoubtfulRow>(inPartitions(takeDoubtful, batchId), [batchId])).rows
    await stageInFull(client, batchId, identity, transform, rows)
    // Of which STR a row is whose registration has moved shows only when it is read: other known rows may be of the same.
  } while (rows.some(({ hasMoved }) => hasMoved))
}

interface DoubtfulRow extends RowPosition {
  hasMoved: boolean
}

async function stageInFull(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  transform: Transform,
  rows: DoubtfulRow[]
): Promise<void> {
  rows.sort((a, b) => a.rowNo - b.rowNo)
  const digestInput = identity.inputDigester(transform.version)
  for (let i = 0; i < rows.length; i += doubtfulAtATime) {
    const candidates: UnnumberedCandidate[] = []
    const rejections: StagedRejection[] = []
    for await (const [position, text] of readRowTexts(client, batchId, identity, rows.slice(i, i + doubtfulAtATime))) {
      // It was in good order when it came; a mapping that was changed since may refuse it.
      const result = transform(JSON.parse(text), { sourceNow: Date.now(), maxSkewMs: Number.POSITIVE_INFINITY })
      if (result.ok) candidates.push({ position, candidate: result.value, inputDigest: digestInput(Buffer.from(text)) })
      else {
        const { rejections: problems, strNumber, profession, urgent } = result
        rejections.push(
          refusedForContent({ position, strNumber, profession, problems, urgent, raw: compactExactly(text) })
        )
      }
    }
    // Rows of SDMK's own files are never known ahead.
    await stageRows(client, { id: batchId, source: 'kki' }, identity, { candidates, rejections })
  }
}

/** True where texts are known that may tell of nothing any more: a tenth as many as there are registrations, or more. */
const hasMany = `select known.reltuples > greatest(registration.reltuples, 0) * 1.1 + 10000 as "hasMany"
  from pg_class known, pg_class registration
  where known.oid = 'kki.known_input'::regclass and registration.oid = 'sdmk.registration'::regclass`

/**
 * Forgets known rows that came to nothing, once they are many: of each change one is left, and of a KKI that writes its
 * rows anew each time, as many as it lists. Returns how many went.
 */
export async function forgetOutdated(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ hasMany: boolean }>(hasMany)
  if (!rows[0]?.hasMany) return 0
  return (await pool.query(forget)).rowCount ?? 0
}
