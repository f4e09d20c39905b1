import fc from 'fast-check'
import { contentHash } from '../../sidecar/transform/content-hash.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { candidate } from './helpers.ts'

type Row = Partial<Candidate>

/** Invented people who are easily taken for each other: twins, namesakes, and a foreigner without a NIK. */
export const people: Row[] = [
  person('3171014101900011', 'Siti Aminah Putri', '1990-01-01', 'BANDUNG'),
  person('3171014101900012', 'Siti Rahmawati Putri', '1990-01-01', 'BANDUNG'),
  person('1271010202800021', 'Rudi Tabuti', '1980-02-02', 'MEDAN'),
  person('1271010202800022', 'Rudi Tabuti', '1980-02-02', 'PADANG'),
  person(null, 'John Doe', '1975-03-03', 'LEIDEN')
]

const typo = '3171014101900019'
const shortened = (row: Row): Row => {
  const [one = '', two = ''] = (row.name ?? '').split(' ')
  return named(`${one} ${two}`)
}

/** Rows with any errors: each belongs to a person, but may have any STR, NIK, name or birth date. */
export const anyRow: fc.Arbitrary<Candidate> = fc
  .record({
    owner: fc.nat({ max: people.length - 1 }),
    other: fc.nat({ max: people.length - 1 }),
    str: fc.nat({ max: 5 }),
    nik: fc.constantFrom('own', 'own', 'own', 'none', 'other', 'typo'),
    name: fc.constantFrom('own', 'own', 'short', 'other'),
    birthDate: fc.constantFrom('own', 'own', 'none', 'wrong'),
    place: fc.constantFrom('own', 'own', 'none'),
    profession: fc.constantFrom('doctor', 'doctor', 'dentist'),
    status: fc.constantFrom('active', 'active', 'active', 'revoked', 'suspended', 'deceased'),
    day: fc.integer({ min: 1, max: 9 })
  })
  .map(({ owner, other, str, nik, name, birthDate, place, profession, status, day }) => {
    const own = people[owner] as Row
    const wrong = people[other] as Row
    return candidate({
      ...own,
      ...(name === 'short' && shortened(own)),
      ...(name === 'other' && named(wrong.name as string)),
      ...(place === 'none' && { birthPlace: null, birthPlaceKey: null }),
      strNumber: strOf(str),
      nik: nik === 'own' ? (own.nik ?? null) : nik === 'other' ? (wrong.nik ?? null) : nik === 'typo' ? typo : null,
      birthDate: birthDate === 'own' ? (own.birthDate ?? null) : birthDate === 'none' ? null : '1999-09-09',
      profession,
      ...statusOf(status),
      changedAt: stampOf(day)
    })
  })

/** Batches of such rows, in their order. */
export const anyFeed = fc.array(fc.array(anyRow, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })

/** A good row of each person under an STR of their own, so that everybody is known. */
export const anchors: Candidate[] = people
  .slice(0, 4)
  .map((row, i) => candidate({ ...row, strNumber: strOf(90 + i), changedAt: stampOf(0) }))

/** Rows of known people that do not contradict each other: in every order, all are applied. */
export const agreeingRows: fc.Arbitrary<Candidate[]> = fc
  .array(
    fc.record({
      owner: fc.nat({ max: 3 }),
      str: fc.nat({ max: 1 }),
      profession: fc.constantFrom('doctor', 'dentist'),
      name: fc.constantFrom('own', 'short'),
      birthDate: fc.constantFrom('own', 'none'),
      place: fc.constantFrom('own', 'none', 'moved'),
      status: fc.constantFrom('active', 'active', 'revoked', 'suspended', 'deceased'),
      issuedOn: fc.constantFrom('2019-01-01', '2021-01-01', null),
      validUntil: fc.constantFrom(null, null, '2025-01-01', '2030-01-01')
    }),
    { minLength: 1, maxLength: 14 }
  )
  .map(rows =>
    rows.map(({ owner, str, profession, name, birthDate, place, status, issuedOn, validUntil }, i) => {
      const own = people[owner] as Row
      // A name in part needs the birth date, so each person has rows of one kind: some come short, some without a date.
      const isEverShort = owner % 2 === 0
      return candidate({
        ...own,
        ...(name === 'short' && isEverShort && shortened(own)),
        ...(birthDate === 'none' && !isEverShort && { birthDate: null }),
        ...(place === 'none' && { birthPlace: null, birthPlaceKey: null }),
        ...(place === 'moved' && { birthPlace: 'Bogor', birthPlaceKey: 'BOGOR' }),
        strNumber: strOf(owner * 10 + str),
        profession,
        ...statusOf(status),
        issuedOn,
        validUntil,
        isLifetime: validUntil === null,
        // No two of one licence are of the same moment.
        changedAt: new Date(Date.UTC(2026, 1, 1) + i * 60_000).toISOString()
      })
    })
  )

/** Rows of known people, each under any of four STRs and some with another person's NIK. */
export const contradictingRows: fc.Arbitrary<Candidate[]> = fc
  .array(
    fc.record({
      owner: fc.nat({ max: 3 }),
      other: fc.nat({ max: 3 }),
      hasOwnNik: fc.boolean(),
      str: fc.nat({ max: 3 }),
      profession: fc.constantFrom('doctor', 'dentist'),
      day: fc.integer({ min: 1, max: 9 })
    }),
    { minLength: 2, maxLength: 12 }
  )
  .map(rows =>
    rows.map(({ owner, other, hasOwnNik, str, profession, day }) =>
      candidate({
        ...people[owner],
        ...(!hasOwnNik && { nik: (people[other] as Row).nik ?? null }),
        strNumber: strOf(50 + str),
        profession,
        changedAt: stampOf(day)
      })
    )
  )

/** What may be the matter with a row of twins; of two that contradict each other the later one stands. */
const twists: Record<string, Row> = {
  warned: { warnings: ['STR_FORMAT_UNKNOWN'] },
  dentist: { profession: 'dentist' },
  expiring: { validUntil: '2026-06-15', isLifetime: false },
  withoutBirthDate: { birthDate: null },
  wrongNik: { nik: null, problems: [{ code: 'NIK_INVALID', instancePath: '/nik', params: {} }] },
  onlyDeactivation: {
    ...{ status: 'revoked', sourceStatus: 'DICABUT', profession: '', deactivationOnly: true },
    problems: [{ code: 'DATE_INVALID', instancePath: '/tanggal_terbit', params: {} }]
  }
}

/** In short: rows of a dozen pairs of twins with two licences each, some under the NIK or an STR of the other twin. */
export const twinRow = fc.record({
  family: fc.integer({ min: 10, max: 21 }),
  twin: fc.nat({ max: 1 }),
  licence: fc.nat({ max: 1 }),
  nik: fc.constantFrom('own', 'own', 'own', 'own', 'own', 'none', 'none', 'other'),
  str: fc.constantFrom('own', 'own', 'own', 'own', 'own', 'own', 'own', 'other'),
  day: fc.constantFrom(5, 5, 5, 1, 9),
  status: fc.constantFrom('active', 'active', 'active', 'active', 'suspended', 'revoked', 'deceased'),
  twisted: fc.subarray(Object.keys(twists), { maxLength: 2 })
})

export type TwinRow = typeof twinRow extends fc.Arbitrary<infer T> ? T : never

/** The row in full, each time the same to the byte. */
export function toCandidate({ family, twin, licence, nik, str, day, status, twisted }: TwinRow): Candidate {
  const row = candidate({
    nik: nik === 'none' ? null : `3171010101900${family}${nik === 'own' ? twin : 1 - twin}`,
    ...named(`Siti ${twin === 0 ? 'Aminah' : 'Rahma'} ${String.fromCharCode(55 + family)}`),
    strNumber: strOf(family * 100 + (str === 'own' ? twin : 1 - twin) * 10 + licence),
    changedAt: stampOf(day),
    ...statusOf(status),
    contentHash: '',
    ...Object.assign({}, ...twisted.map(name => twists[name]))
  })
  return { ...row, contentHash: contentHash([JSON.stringify({ ...row, nik: null })]) }
}

function person(nik: string | null, name: string, birthDate: string, place: string): Row {
  return { nik, ...named(name), birthDate, birthPlace: place, birthPlaceKey: place }
}

function named(name: string): { name: string; nameKey: string } {
  return { name, nameKey: [...new Set(name.toUpperCase().split(' '))].sort().join(' ') }
}

function strOf(number: number): string {
  return `EQ${String(80_000_000 + number).padStart(14, '0')}`
}

function stampOf(day: number): string {
  return new Date(Date.UTC(2026, 0, 10 + day)).toISOString()
}

const words = { active: 'AKTIF', revoked: 'DICABUT', suspended: 'DIBEKUKAN', deceased: 'MENINGGAL' } as const

function statusOf(status: keyof typeof words) {
  return { status, sourceStatus: words[status] }
}
