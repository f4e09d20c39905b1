/**
 * Labelled pairs of rows as KKI would send them: a stored one and a later one, with the truth of whose each is. Knows the
 * contract (contracts/kki.openapi.yaml) and nothing of the sidecar.
 */
import { Chance, People, type Person, two } from './people.ts'

export interface LabelledRow {
  record: Record<string, unknown>
  /** Whose the row truly is. */
  person: number
  /** The number of its pair. */
  pair: number
}

export interface Pair {
  name: PairClass
  /** True where both rows are one person's. */
  isTrue: boolean
  /** True where both rows carry the person's own NIK. */
  hasNik: boolean
}

export interface Labelled {
  pairs: Pair[]
  people: Person[]
  /** Rows of the first feed, then those of the second; the last two are batches that run at once. */
  first: LabelledRow[]
  second: LabelledRow[]
  concurrent: [LabelledRow[], LabelledRow[]]
}

export const pairClasses = [
  "sibling's NIK typed on the row",
  'shared dummy NIK, default birth date',
  "STR one character off hits another's",
  'same name, date and place, other NIK',
  'same STR for two people',
  'NIK corrected',
  'birth date missing',
  'two professions in concurrent batches',
  'renewal',
  'foreigner renewed without NIK',
  'name variants and titles',
  'swapped fields'
] as const
export type PairClass = (typeof pairClasses)[number]

const stored = '2026-01-05T08:00:00Z'
const later = '2026-03-05T08:00:00Z'

export function generate(seed: number, pairsOfEachClass: number): Labelled {
  const chance = new Chance(seed)
  const people = new People(chance)
  const labelled: Labelled = { pairs: [], people: [], first: [], second: [], concurrent: [[], []] }
  let strs = 0
  let pair = 0
  const newStr = () => `QA${String(++strs * 37).padStart(14, '0')}`
  const somebody = (...given: Parameters<People['make']>) => {
    const person = people.make(...given)
    labelled.people.push(person)
    return person
  }
  const row = (person: Person, given: Record<string, unknown>): LabelledRow => ({
    record: recordOf(person, given),
    person: person.id,
    pair
  })
  const stores = (person: Person, given: Record<string, unknown> = {}) => {
    const made = row(person, { nomor_str: newStr(), diubah_pada: stored, ...given })
    labelled.first.push(made)
    return made.record
  }
  const sends = (person: Person, given: Record<string, unknown> = {}) =>
    void labelled.second.push(row(person, { nomor_str: newStr(), diubah_pada: later, ...given }))

  const makers: Record<PairClass, (n: number) => Omit<Pair, 'name'>> = {
    "sibling's NIK typed on the row"() {
      const known = somebody()
      stores(known)
      const sibling = somebody({ regionAndDateOf: known, names: people.siblingNames(known.names, known.isWoman) })
      sends(sibling, { nik: known.nik })
      return { isTrue: false, hasNik: false }
    },
    'shared dummy NIK, default birth date'(n) {
      // Half of the dummies are shared by two people, the others by fifty.
      const serial = n % 2 === 0 ? 1000 + (n >> 1) : 1 + Math.floor(n / 50)
      // Of regions where nobody else comes from: a dummy must not be somebody's own.
      const dummy = `${n % 2 === 0 ? '320101' : '330101'}010170${String(serial).padStart(4, '0')}`
      const born = { year: 1970, month: 1, day: 1, isWoman: false }
      const one = somebody(born)
      const other = somebody({ ...born, names: people.siblingNames(one.names, false) })
      stores(one, { nik: dummy })
      sends(other, { nik: dummy })
      return { isTrue: false, hasNik: false }
    },
    "STR one character off hits another's"(n) {
      const known = somebody()
      const { nomor_str } = stores(known)
      sends(somebody({ isWoman: known.isWoman }), { nomor_str, ...(n % 2 === 0 && { nik: null }) })
      return { isTrue: false, hasNik: false }
    },
    'same name, date and place, other NIK'() {
      const known = somebody()
      stores(known)
      const { names, isWoman, year, month, day, place } = known
      sends(somebody({ names, isWoman, year, month, day, place }))
      return { isTrue: false, hasNik: false }
    },
    'same STR for two people'(n) {
      const [one, other] = [somebody(), somebody()]
      const nomor_str = newStr()
      // Known from before and then both at once; both at once; one after the other.
      if (n % 3 !== 1) stores(one, { nomor_str })
      if (n % 3 !== 2) sends(one, { nomor_str, provinsi: 'Bali' })
      sends(other, { nomor_str })
      return { isTrue: false, hasNik: false }
    },
    'NIK corrected'(n) {
      const known = somebody()
      const wrong = n % 2 === 0 ? known.nik.slice(1) : typo(known.nik, chance)
      const { nomor_str } = stores(known, { nik: wrong })
      sends(known, { nomor_str })
      return { isTrue: true, hasNik: false }
    },
    'birth date missing'() {
      const known = somebody()
      stores(known)
      sends(known, { tanggal_lahir: null })
      return { isTrue: true, hasNik: true }
    },
    'two professions in concurrent batches'(n) {
      const person = somebody()
      const sameStr = newStr()
      const given = n % 4 === 0 ? { nomor_str: sameStr } : n % 4 === 1 ? { nomor_str: sameStr, nik: null } : {}
      const [doctors, nurses] = labelled.concurrent
      doctors.push(row(person, { nomor_str: newStr(), diubah_pada: stored, profesi: 'DOKTER', ...given }))
      nurses.push(row(person, { nomor_str: newStr(), diubah_pada: later, profesi: 'PERAWAT', ...given }))
      return { isTrue: true, hasNik: n % 4 !== 1 }
    },
    renewal() {
      const known = somebody()
      stores(known, { tanggal_terbit: '2021-01-01' })
      sends(known, { tanggal_terbit: '2026-02-01' })
      return { isTrue: true, hasNik: true }
    },
    'foreigner renewed without NIK'(n) {
      const known = somebody({ place: chance.pick(['Leiden', 'Osaka', 'Penang', 'Chennai', 'Perth']) })
      stores(known, { nik: null })
      // Some renew, some have a countryman of the same name, date and place.
      const { names, isWoman, year, month, day, place } = known
      const isTrue = n % 4 !== 3
      sends(isTrue ? known : somebody({ names, isWoman, year, month, day, place }), { nik: null })
      return { isTrue, hasNik: false }
    },
    'name variants and titles'(n) {
      const names = n % 5 === 0 ? ['Muhammad', ...people.make({ isWoman: false }).names.slice(1)] : undefined
      const known = somebody(names ? { names, isWoman: false } : {})
      stores(known, { nama: known.names.join(' ') })
      sends(known, { nama: variant(known.names, n, chance) })
      return { isTrue: true, hasNik: true }
    },
    'swapped fields'(n) {
      const known = somebody()
      const { nomor_str, nama, tempat_lahir } = stores(known)
      const swapped =
        n % 2 === 0
          ? { nama: tempat_lahir, tempat_lahir: nama }
          : { tanggal_lahir: `${known.year}-${two(Math.min(known.day, 12))}-${two(known.month)}` }
      sends(known, { nomor_str, ...swapped })
      return { isTrue: true, hasNik: true }
    }
  }
  for (const name of pairClasses) {
    for (let n = 0; n < pairsOfEachClass; n++) {
      labelled.pairs.push({ name, ...makers[name](n) })
      pair += 1
    }
  }
  return labelled
}

function recordOf(person: Person, given: Record<string, unknown>): Record<string, unknown> {
  return {
    nik: person.nik,
    nama: person.names.join(' '),
    gelar_depan: null,
    gelar_belakang: null,
    tempat_lahir: person.place,
    tanggal_lahir: `${person.year}-${two(person.month)}-${two(person.day)}`,
    jenis_kelamin: person.isWoman ? 'P' : 'L',
    profesi: 'DOKTER',
    kompetensi: null,
    status_str: 'AKTIF',
    tanggal_terbit: '2024-01-01',
    berlaku_sampai: null,
    ...given
  }
}

/** One digit of the serial number is another, so that the NIK stays one that may be. */
function typo(nik: string, chance: Chance): string {
  const digit = (Number(nik[15]) + 1 + chance.below(8)) % 10
  return `${nik.slice(0, 15)}${digit}`
}

function variant(names: string[], n: number, chance: Chance): string {
  const [one = '', two = '', three = ''] = names
  // A bare M. may be Maria: it is rare, and for a person to decide.
  const muhammad = chance.below(20) === 0 ? 'M.' : chance.pick(['Moh.', 'Mohamad', 'Muh.', 'Mochammad', 'Mohd.'])
  const written = [
    `${muhammad} ${two} ${three}`,
    `dr. ${one} ${two} ${three}, Sp.PD`,
    `${one} ${three}`.toUpperCase(),
    `Hj. ${one}  ${two}  ${three}, S.Kep., Ners`,
    `${one} ${two.slice(0, 1)}${two.slice(1)}, ${three}`.replace(',', '')
  ]
  return written[n % 5] as string
}
