import { SealUnfit } from './errors.ts'
import type { Identity } from './keys.ts'
import { type RowSource, rawRowOf, type SealPlace } from './seal-place.ts'

/** Decrypts the NIK in a column of a row, and checks it against the row's digest. @throws SealBroken, SealUnfit */
export function openNik(
  { open, digestNik }: Pick<Identity, 'open' | 'digestNik'>,
  place: SealPlace,
  { sealed, digest }: { sealed: Uint8Array; digest: Buffer | null }
): string {
  const nik = open(place, sealed).toString('utf8')
  if (digest !== null && !digestNik(nik).equals(digest)) throw new SealUnfit(place, 'digest')
  return nik
}

/** A rejected row as it is stored. */
export interface SealedRow {
  source: RowSource
  /** The canonical STR, or `row:` and the digest of the row. */
  subject: string
  batchId: number
  rowNo: number
  contentDigest: Buffer | null
  rawSealed: Uint8Array
}

/** Decrypts the JSON text of a rejected row, and checks it against the row's digests. @throws SealBroken, SealUnfit */
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
