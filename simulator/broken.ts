import type { LoneBrokenKind, PairedBrokenKind } from './kinds.ts'
import type { Person } from './person.ts'
import { UNKNOWN_PROFESSION } from './professions.ts'
import type { KkiRecord } from './record.ts'

const NOT_OBJECTS = ['rusak', 42, null, ['baris', 'ganda']] as const

/** TypeScript's library does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/**
 * Returns a record broken in one way; `variant` chooses among several forms of that way.
 *
 * The record is active and its STR its own, so that a rejected record never concerns a valid registration.
 */
export function brokenRecord(record: KkiRecord, kind: LoneBrokenKind, variant: number): unknown {
  // Sent with all digits. `JSON.parse` would round them, which the consumer must prevent.
  if (kind === 'nik-as-number') return { ...record, nik: rawJSON(record.nik ?? '0') }
  if (kind === 'not-an-object') return NOT_OBJECTS[variant % NOT_OBJECTS.length]
  return { ...record, ...fault(record, kind, variant) }
}

function fault(record: KkiRecord, kind: LoneBrokenKind, variant: number): KkiRecord | Record<string, unknown> {
  const choose = (...forms: [string, ...string[]]) => forms[variant % forms.length] ?? forms[0]
  const nik = record.nik ?? ''
  switch (kind) {
    case 'missing-nomor-str':
      return { nomor_str: undefined }
    case 'missing-nama':
      return { nama: undefined }
    case 'missing-profesi':
      return { profesi: undefined }
    case 'missing-status-str':
      return { status_str: undefined }
    case 'missing-diubah-pada':
      return { diubah_pada: undefined }
    case 'str-empty':
      return { nomor_str: choose('', '  ', '-') }
    case 'str-short':
      return { nomor_str: choose('EQ12', 'STR-123', '31.1.1') }
    case 'str-equals-nik':
      return { nomor_str: nik }
    case 'nik-15-digits':
      return { nik: nik.slice(0, 15) }
    case 'nik-month-13':
      return { nik: `${nik.slice(0, 8)}13${nik.slice(10)}` }
    case 'nik-placeholder':
      return { nik: choose('0000000000000000', '1234567890123456', '9999999999999999') }
    case 'name-only-title':
      return { nama: choose('dr. -', 'dr., Sp.A', 'Ns.'), gelar_depan: null, gelar_belakang: null }
    case 'birth-date-unreadable':
      return { tanggal_lahir: choose('31-02-1985', '1985/03/04', 'tahun 1985') }
    case 'birth-date-in-future':
      return { tanggal_lahir: choose('2199-04-05', '05-04-2199') }
    case 'end-date-unreadable':
      return { berlaku_sampai: choose('03/04/2028', '2028-13-01', 'akhir tahun depan') }
    case 'stamp-unreadable':
      return { diubah_pada: choose('kemarin', '2026-99-99T00:00:00Z') }
    case 'status-unknown':
      return { status_str: choose('DALAM_PROSES', 'LAINNYA') }
    case 'profession-unknown':
      return { profesi: UNKNOWN_PROFESSION }
    case 'not-an-object':
    case 'nik-as-number':
      return {}
  }
}

/** Returns the person that a record claims to be if it is rejected because of another one. `known` is the right person. */
export function claimedPerson(kind: PairedBrokenKind, own: Person, known: Person): Person {
  switch (kind) {
    case 'str-of-two-people':
      return own
    case 'nik-of-another':
      return { ...own, nik: known.nik, birth: otherThan(own.birth, known.birth) }
    case 'possible-duplicate':
      return { ...known, nik: null }
  }
}

function otherThan(birth: Person['birth'], taken: Person['birth']): Person['birth'] {
  const isEqual = birth.year === taken.year && birth.month === taken.month && birth.day === taken.day
  return isEqual ? { ...birth, year: birth.year + 1, day: Math.min(birth.day, 28) } : birth
}
