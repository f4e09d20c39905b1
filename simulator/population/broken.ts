import type { KkiRecord } from './record.ts'

/** The ways in which a row is broken, each with the code that a consumer should refuse it for. */
export const brokenKinds = {
  'not-an-object': 'SCHEMA_INVALID',
  'str-missing': 'SCHEMA_INVALID',
  'name-missing': 'SCHEMA_INVALID',
  'profession-missing': 'SCHEMA_INVALID',
  'status-missing': 'SCHEMA_INVALID',
  'stamp-missing': 'SCHEMA_INVALID',
  'nik-number': 'SCHEMA_INVALID',
  'str-empty': 'STR_INVALID',
  'str-short': 'STR_INVALID',
  'str-is-nik': 'STR_INVALID',
  'nik-15-digits': 'NIK_INVALID',
  'nik-month-13': 'NIK_INVALID',
  'nik-placeholder': 'NIK_INVALID',
  'name-only-title': 'NAME_MISSING',
  'birth-date-unreadable': 'DATE_INVALID',
  'birth-date-future': 'DATE_INVALID',
  'end-date-unreadable': 'DATE_INVALID',
  'status-unknown': 'STATUS_UNKNOWN',
  'profession-unknown': 'PROFESSION_UNKNOWN',
  'str-ambiguous': 'STR_AMBIGUOUS',
  'identity-conflict': 'IDENTITY_CONFLICT',
  'possible-duplicate': 'POSSIBLE_DUPLICATE'
} as const

export type BrokenKind = keyof typeof brokenKinds

/** In the order in which broken rows take turns. */
export const brokenKindOrder = Object.keys(brokenKinds) as BrokenKind[]

const missing: Partial<Record<BrokenKind, keyof KkiRecord>> = {
  'str-missing': 'nomor_str',
  'name-missing': 'nama',
  'profession-missing': 'profesi',
  'status-missing': 'status_str',
  'stamp-missing': 'diubah_pada'
}

/**
 * Returns the JSON text of a record after it was broken. The last three kinds are broken by whom they resemble, and
 * `profession-unknown` by its word; they come composed that way and leave as they are.
 */
export function breakRecord(record: KkiRecord, kind: BrokenKind, nik: string): string {
  const absent = missing[kind]
  if (absent !== undefined) {
    const { [absent]: _, ...rest } = record
    return JSON.stringify(rest)
  }
  if (kind === 'not-an-object') return JSON.stringify([record.nomor_str, record.nama])
  if (kind === 'nik-number') return JSON.stringify({ ...record, nik: '' }).replace('"nik":""', `"nik":${nik}`)
  return JSON.stringify({ ...record, ...replacement(kind, nik) })
}

function replacement(kind: BrokenKind, nik: string): Partial<KkiRecord> {
  switch (kind) {
    case 'str-empty':
      return { nomor_str: '' }
    case 'str-is-nik':
      return { nomor_str: nik, nik }
    case 'nik-15-digits':
      return { nik: nik.slice(0, 15) }
    case 'nik-month-13':
      return { nik: `${nik.slice(0, 8)}13${nik.slice(10)}` }
    case 'nik-placeholder':
      return { nik: nik.endsWith('1') ? '1234567890123456' : '9'.repeat(16) }
    case 'name-only-title':
      return { nama: 'dr. -' }
    case 'birth-date-unreadable':
      return { tanggal_lahir: '31-02-1985' }
    case 'birth-date-future':
      return { tanggal_lahir: '2091-01-01' }
    case 'end-date-unreadable':
      return { berlaku_sampai: 'akhir tahun' }
    case 'status-unknown':
      return { status_str: 'MENUNGGU' }
    default:
      return {}
  }
}
