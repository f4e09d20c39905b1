import type { Database } from '../../sidecar/platform/database.ts'
import type { Identity } from '../../sidecar/registry/identity.ts'
import { type Labelled, type PairClass, pairClasses } from './generate.ts'
import type { RowResult } from './run.ts'

/** Pairs of one class by what became of their later row. */
export interface Verdict {
  name: PairClass
  pairs: number
  /** Applied without a person's help: to whom it belongs, or to somebody new. */
  automatic: number
  desk: number
  /** A row, or a NIK, on the record of another true person. */
  wrong: number
  /** One true person on two records. */
  split: number
  /** Of true pairs whose rows both carry the person's own NIK: how many there are, and how many came together. */
  withNik: number
  together: number
}

/** Compares what became of the rows with the truth. */
export async function judge(
  database: Database,
  identity: Identity,
  { pairs, people }: Labelled,
  results: RowResult[]
): Promise<Verdict[]> {
  // A record is the true person's whose row created it.
  const ownerOf = new Map<number, number>()
  for (const { outcome, healthWorkerId, person } of results) {
    if (outcome === 'created' && healthWorkerId !== null) ownerOf.set(healthWorkerId, person)
  }
  const wrongNiks = await readWrongNiks(database, identity, people, ownerOf)
  const verdicts = new Map<PairClass, Verdict>(
    pairClasses.map(name => [
      name,
      { name, pairs: 0, automatic: 0, desk: 0, wrong: 0, split: 0, withNik: 0, together: 0 }
    ])
  )
  const byPair = Map.groupBy(results, ({ pair }) => pair)
  for (const [index, { name, isTrue, hasNik }] of pairs.entries()) {
    const rows = byPair.get(index) ?? []
    const last = rows.at(-1) as RowResult
    const verdict = verdicts.get(name) as Verdict
    const tied = rows.filter(row => row.healthWorkerId !== null)
    const isWrong = tied.some(
      ({ healthWorkerId, person }) =>
        ownerOf.get(healthWorkerId as number) !== person || wrongNiks.has(healthWorkerId as number)
    )
    const records = Map.groupBy(tied, ({ person }) => person)
    const isSplit = [...records.values()].some(own => new Set(own.map(({ healthWorkerId }) => healthWorkerId)).size > 1)
    verdict.pairs += 1
    if (isWrong) verdict.wrong += 1
    else if (last.outcome === 'rejected') verdict.desk += 1
    else verdict.automatic += 1
    if (isSplit) verdict.split += 1
    if (!isTrue || !hasNik) continue
    verdict.withNik += 1
    if (rows.every(({ outcome }) => outcome !== 'rejected') && !isWrong && !isSplit) verdict.together += 1
  }
  return [...verdicts.values()]
}

/** Records that hold the NIK of another true person. */
async function readWrongNiks(
  { pool }: Database,
  identity: Identity,
  people: Labelled['people'],
  ownerOf: Map<number, number>
): Promise<Set<number>> {
  const personOf = new Map(people.map(({ nik, id }) => [identity.digestNik(nik).toString('hex'), id]))
  const { rows } = await pool.query<{ id: number; nik: string }>(
    `select id, encode(nik_digest, 'hex') as nik from sdmk.health_worker where nik_digest is not null`
  )
  const wrong = rows.filter(({ id, nik }) => personOf.has(nik) && personOf.get(nik) !== ownerOf.get(id))
  return new Set(wrong.map(({ id }) => id))
}
