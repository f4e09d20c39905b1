import { SealUnfit } from './errors.ts'
import type { Identity } from './identity.ts'

/** The columns that keep sealed values. Staged values are sealed for where they go. */
export type SealedColumn =
  | 'sdmk.health_worker.nik_sealed'
  | 'sdmk.former_nik.nik_sealed'
  | 'kki.change.health_worker_before'
  | 'kki.rejection_occurrence.raw_sealed'
  | 'kki.staged_page.body_sealed'
  | 'kki.batch.cursor'

/**
 * The place of one sealed value. The value opens there and nowhere else: whoever can write to the database and has no
 * key cannot give the number or the row of one person to another.
 */
export interface SealPlace {
  column: SealedColumn
  /** Identifies the row. Errors and the audit repeat it, so it holds ids alone. */
  row: string
  /** Further content of the row that the value is bound to. Nothing repeats it. */
  beside?: string
}

/** Who sent a rejected row: KKI, or SDMK in a file. */
export type RowSource = 'kki' | 'sdmk'

export function nikOf(healthWorkerId: number | null): SealPlace {
  return { column: 'sdmk.health_worker.nik_sealed', row: `health worker ${healthWorkerId}` }
}

export function formerNikOf(healthWorkerId: number): SealPlace {
  return { column: 'sdmk.former_nik.nik_sealed', row: `health worker ${healthWorkerId}` }
}

/** A NIK that a change took from a person, which an undo gives back. */
export function nikBeforeChangeOf(healthWorkerId: number): SealPlace {
  return { column: 'kki.change.health_worker_before', row: `health worker ${healthWorkerId}` }
}

/** `subject` is the one of the rejection. Where that is a digest it stays out: another digest key changes it. */
export function rawRowOf(source: RowSource, batchId: number, rowNo: number, subject: string): SealPlace {
  return {
    column: 'kki.rejection_occurrence.raw_sealed',
    row: `batch ${batchId} row ${rowNo}`,
    beside: besideRow(`${source} ${subject}`)
  }
}

export function pageOf(batchId: number, page: number): SealPlace {
  return { column: 'kki.staged_page.body_sealed', row: `batch ${batchId} page ${page}` }
}

export function cursorOf(batchId: number): SealPlace {
  return { column: 'kki.batch.cursor', row: `batch ${batchId}` }
}

/** Returns the content that a rejected row is bound to, from `<source> <subject>`. */
export function besideRow(sourceAndSubject: string): string {
  return sourceAndSubject.replace(/ row:.*/, ' ')
}

/** Returns the NIK of a place, after comparing it with the row's digest. @throws SealBroken, SealUnfit */
export function openNik(
  { open, digestNik }: Pick<Identity, 'open' | 'digestNik'>,
  place: SealPlace,
  { sealed, digest }: { sealed: Uint8Array; digest: Buffer | null }
): string {
  const nik = open(place, sealed).toString('utf8')
  if (digest !== null && !digestNik(nik).equals(digest)) throw new SealUnfit(place, 'digest')
  return nik
}

/** A rejected row in its stored form. */
export interface SealedRow {
  source: RowSource
  /** The canonical STR, or `row:` and the digest of the row. */
  subject: string
  batchId: number
  rowNo: number
  contentDigest: Buffer | null
  rawSealed: Uint8Array
}

/** Returns the JSON text of a rejected row, after comparing it with the row's digests. @throws SealBroken, SealUnfit */
export function openRow({ open, digestRow }: Pick<Identity, 'open' | 'digestRow'>, row: SealedRow): string {
  const place = rawRowOf(row.source, row.batchId, row.rowNo, row.subject)
  const text = open(place, row.rawSealed).toString('utf8')
  const digest = digestRow(text)
  const hasOtherSubject = row.subject.startsWith('row:') && row.subject !== `row:${digest.toString('hex')}`
  if (hasOtherSubject || (row.contentDigest !== null && !digest.equals(row.contentDigest))) {
    throw new SealUnfit(place, 'digest')
  }
  return text
}
