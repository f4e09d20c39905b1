import type { Identity } from '../../sidecar/identity/keys.ts'
import type { Database } from '../../sidecar/platform/database.ts'
import type { MatchClass } from './classes.ts'
import type { Labelled, LabelledRow } from './generate.ts'

/** The result of one row. */
export interface RowResult extends LabelledRow {
  batchId: number
  rowNo: number
  outcome: string
  /** The record that the row was applied to. */
  healthWorkerId: number | null
  /** The codes for which a person must see the row. */
  codes: string[]
  urgent: boolean
}

/**
 * How a case fails: a row on the record of another person; a record with the NIK, or the name, of another person; a licence
 * that a row of another person ended; a rejected deactivation of a known licence that is not urgent; one person on two
 * records without an open review about it, by the number of records that have rows with a NIK.
 */
export type Failure =
  | 'wrong'
  | 'acquired'
  | 'renamed'
  | 'deactivated'
  | 'notUrgent'
  | 'splitBoth'
  | 'splitOne'
  | 'splitNone'

/** Cases of one class by their result. */
export interface Verdict extends Record<Failure, number>, Pick<MatchClass, 'name' | 'group'> {
  cases: number
  /** Cases in which no row needs a person. */
  automatic: number
  rejected: number
  codes: Record<string, number>
}

export interface Evaluation {
  verdicts: Verdict[]
  /** By failure: the numbers of the cases. */
  failed: Record<Failure, Set<number>>
  /** The numbers of the cases in which a row needs a person. */
  asking: Set<number>
}

interface OpenRejection {
  batch_id: number
  row_no: number
  candidates: number[] | null
}

const deactivating = ['TIDAK_AKTIF', 'DIBEKUKAN', 'DICABUT', 'MENINGGAL']

/** Compares the results of the rows and the final registry with the truth. */
export async function evaluate(
  { pool }: Database,
  identity: Pick<Identity, 'digestNik'>,
  { cases, people }: Labelled,
  results: readonly RowResult[]
): Promise<Evaluation> {
  const byCase = Map.groupBy(results, row => row.case)
  const caseOf = new Map(results.map(row => [row.person, row.case]))
  const creators = new Map<number, RowResult>()
  for (const row of results) {
    if (row.outcome === 'created' && row.healthWorkerId !== null) creators.set(row.healthWorkerId, row)
  }
  const ownerOf = new Map(creators.entries().map(([id, { person }]) => [id, person]))
  const failed: Record<Failure, Set<number>> = {
    wrong: new Set(),
    acquired: new Set(),
    renamed: new Set(),
    deactivated: new Set(),
    notUrgent: new Set(),
    splitBoth: new Set(),
    splitOne: new Set(),
    splitNone: new Set()
  }

  const { rows: open } = await pool.query<OpenRejection>(
    `select o.batch_id, o.row_no, r.candidates
    from kki.rejection r join kki.rejection_occurrence o on o.rejection_id = r.id
    where r.state = 'open' and o.settled_by_batch_id is null`
  )
  const openRows = new Set(open.map(({ batch_id, row_no }) => `${batch_id}/${row_no}`))
  const reviewsOf = new Map<number, Set<OpenRejection>>()
  for (const review of open) {
    for (const id of review.candidates ?? []) reviewsOf.set(id, (reviewsOf.get(id) ?? new Set()).add(review))
  }
  /** An open review reveals a split if it is about a row of the person, or names two of the records. */
  const isPointedAt = (person: number, rows: RowResult[], records: number[]) =>
    rows.some(row => row.person === person && openRows.has(`${row.batchId}/${row.rowNo}`)) ||
    records.some((one, at) =>
      records
        .slice(at + 1)
        .some(other => !(reviewsOf.get(one) ?? new Set()).isDisjointFrom(reviewsOf.get(other) ?? new Set()))
    )

  for (const [number, rows] of byCase) {
    const applied = rows.filter(row => row.healthWorkerId !== null)
    if (applied.some(row => ownerOf.get(row.healthWorkerId as number) !== row.person)) failed.wrong.add(number)
    const isKnown = ({ batchId, record }: RowResult) =>
      applied.some(earlier => earlier.batchId < batchId && earlier.record.nomor_str === record.nomor_str)
    if (rows.some(row => isDeactivation(row) && row.outcome === 'rejected' && !row.urgent && isKnown(row))) {
      failed.notUrgent.add(number)
    }
    for (const [person, own] of Map.groupBy(applied, row => row.person)) {
      const records = Map.groupBy(
        own.filter(row => ownerOf.get(row.healthWorkerId as number) === person),
        row => row.healthWorkerId as number
      )
      if (records.size < 2 || isPointedAt(person, rows, [...records.keys()])) continue
      const withNik = records
        .values()
        .filter(ofRecord => ofRecord.some(hasNik))
        .toArray().length
      failed[withNik > 1 ? 'splitBoth' : withNik === 1 ? 'splitOne' : 'splitNone'].add(number)
    }
  }

  const rowsOf = Map.groupBy(results, row => row.person)
  const personOfNik = new Map(people.map(({ nik, id }) => [identity.digestNik(nik).toString('hex'), { nik, id }]))
  const byId = new Map(people.map(person => [person.id, person]))
  const { rows: records } = await pool.query<{ id: number; name: string; nik: string | null }>(
    `select id, name, encode(nik_digest, 'hex') as nik from sdmk.health_worker`
  )
  for (const { id, name, nik } of records) {
    const owner = byId.get(ownerOf.get(id) as number)
    if (owner === undefined) continue
    const number = caseOf.get(owner.id) as number
    const holder = nik === null ? undefined : personOfNik.get(nik)
    // A wrong NIK on the owner's own row is an error of KKI that cannot be detected.
    if (holder && holder.id !== owner.id && !rowsOf.get(owner.id)?.some(({ record }) => record.nik === holder.nik)) {
      failed.acquired.add(number)
    }
    const others = byCase.get(number)?.filter(({ person }) => person !== owner.id) ?? []
    // A record that a row of the same person created under a wrong name is an error of KKI that cannot be detected either.
    const isOwn = name === owner.names.join(' ') || String(creators.get(id)?.record.nama).includes(name)
    if (!isOwn && others.some(({ person }) => name === byId.get(person)?.names.join(' '))) failed.renamed.add(number)
  }

  const { rows: ended } = await pool.query<{ id: number; str: string }>(
    `select health_worker_id as id, str_number as str from sdmk.registration
    where sdmk.is_urgent(status)`
  )
  for (const { id, str } of ended) {
    const owner = ownerOf.get(id)
    const own = owner === undefined ? [] : (rowsOf.get(owner) ?? [])
    const isOwnLicence = own.some(({ record }) => record.nomor_str === str)
    const isOwnDeactivation = own.some(isDeactivation)
    if (isOwnLicence && !isOwnDeactivation) failed.deactivated.add(caseOf.get(owner as number) as number)
  }
  const asking = new Set(results.filter(({ codes }) => codes.length > 0).map(row => row.case))
  return { verdicts: verdictsOf(cases, byCase, failed), failed, asking }
}

function verdictsOf(
  cases: readonly MatchClass[],
  byCase: Map<number, RowResult[]>,
  failed: Record<Failure, Set<number>>
): Verdict[] {
  const verdicts = new Map<string, Verdict>()
  for (const [number, { name, group }] of cases.entries()) {
    const verdict: Verdict = verdicts.get(name) ?? {
      name,
      group,
      cases: 0,
      automatic: 0,
      wrong: 0,
      acquired: 0,
      renamed: 0,
      deactivated: 0,
      notUrgent: 0,
      splitBoth: 0,
      splitOne: 0,
      splitNone: 0,
      rejected: 0,
      codes: {}
    }
    verdicts.set(name, verdict)
    const rows = byCase.get(number) ?? []
    verdict.cases += 1
    for (const failure of Object.keys(failed) as Failure[]) if (failed[failure].has(number)) verdict[failure] += 1
    const codes = new Set(rows.flatMap(row => row.codes))
    if (codes.size > 0) verdict.rejected += 1
    else verdict.automatic += 1
    for (const code of codes) verdict.codes[code] = (verdict.codes[code] ?? 0) + 1
  }
  return [...verdicts.values()]
}

function isDeactivation({ record }: RowResult): boolean {
  return deactivating.includes(String(record.status_str))
}

function hasNik({ record }: RowResult): boolean {
  return record.nik !== null && record.nik !== undefined
}
