import type { Changes } from './days.ts'
import type { Kind } from './kinds.ts'
import { writtenName } from './names.ts'
import type { Person } from './person.ts'
import { places } from './places.ts'
import type { Profession } from './professions.ts'
import type { Dice } from './random.ts'
import type { StrShape } from './str-number.ts'
import { calendarDateOf, writtenDate, writtenPlace } from './wording.ts'

const DAY_MS = 86_400_000
const INSTITUTIONS = [
  'Universitas Bina Nusa Sehat',
  'Poltekkes Kemenkes Nusantara',
  'STIKes Harapan &amp; Karya',
  'Akademi Kesehatan Tirta Medika',
  'Universitas Cakrawala Timur'
] as const
const ENDED_WORDS = ['TIDAK_AKTIF', 'DIBEKUKAN', 'DICABUT', 'MENINGGAL'] as const
/** A death would end the first registration too, in one order of batches and not in another. */
const ENDED_SECOND_WORDS = ['TIDAK_AKTIF', 'DIBEKUKAN', 'DICABUT'] as const
/** Added behind the name one after the other, as days pass. */
const LATER_TITLES = ['M.Kes.', 'M.M.', 'M.P.H.'] as const

/** A record as the contract intends it, plus whatever KKI adds. */
export interface KkiRecord {
  nomor_str?: string
  nik?: string | null
  nama?: string
  gelar_depan?: string | null
  gelar_belakang?: string | null
  tempat_lahir?: string | null
  tanggal_lahir?: string | null
  jenis_kelamin?: string | null
  profesi?: string
  kompetensi?: string | null
  status_str?: string
  tanggal_terbit?: string | null
  berlaku_sampai?: string | null
  institusi_pendidikan?: string | null
  tahun_lulus?: number | null
  provinsi?: string | null
  diubah_pada?: string
  [extra: string]: unknown
}

/** The values of a record before they are put into the words of KKI. */
export interface Facts {
  kind: Kind
  person: Person
  profession: Profession
  /** As written, which may be an old code. */
  professionCode: string
  str: string
  strShape: StrShape
  /** Milliseconds since the epoch; at first, and now. */
  firstStamp: number
  stamp: number
  changes: Changes | null
}

/** Returns the record in KKI's words. Equal facts and dice give equal words. */
export function composeRecord(facts: Facts, dice: Dice): KkiRecord {
  const { kind, person, profession, changes } = facts
  const hasEnded = kind === 'ended' || kind === 'second-registration-ended'
  const hasExpired = hasEnded && facts.strShape !== 'lifetime' && dice.chance(0.5)
  const endedWord = hasEnded && !hasExpired ? dice.pick(kind === 'ended' ? ENDED_WORDS : ENDED_SECOND_WORDS) : 'AKTIF'
  const name = writtenName(dice, person.nameTokens)
  const prefix = dice.pick(profession.prefixes)
  const suffix = laterTitles(dice.pick(profession.suffixes), changes?.titles ?? 0)
  const honorific = dice.chance(0.04) ? (person.isWoman ? 'Hj. ' : 'H. ') : ''
  const birthDate = contradicted(dice, person, kind)
  const home = dice.below(places.length)
  const issued = facts.firstStamp - dice.below(400) * DAY_MS
  const record: KkiRecord = {
    nomor_str: facts.str,
    nik: person.nik,
    ...writtenTitles(dice, honorific + respelled(name, changes?.spelling ?? 0), prefix, suffix),
    // A pair is recognised by its birthplace in some rules, so only lone records may lack it.
    tempat_lahir:
      dice.chance(0.01) && kind === 'ordinary'
        ? null
        : writtenPlace(dice, person.birthPlace, person.birth.year, kind === 'ordinary'),
    tanggal_lahir: writtenDate(dice, birthDate),
    jenis_kelamin: dice.chance(0.01) ? null : person.isWoman !== dice.chance(0.002) ? 'P' : 'L',
    profesi: facts.professionCode,
    kompetensi: dice.pick(profession.competences),
    status_str: changes?.status ?? endedWord,
    tanggal_terbit: writtenDate(dice, calendarDateOf(issued)),
    berlaku_sampai: validity(dice, facts, hasExpired && (changes?.status ?? null) === null),
    institusi_pendidikan: INSTITUTIONS[(dice.below(100) + (changes?.institution ?? 0)) % INSTITUTIONS.length] ?? null,
    tahun_lulus: Math.max(person.birth.year + 21, 1990),
    provinsi: places[(home + (changes?.province ?? 0)) % places.length]?.province ?? null,
    diubah_pada: new Date(facts.stamp).toISOString()
  }
  if (dice.chance(0.05)) record.sumber_data = 'MIGRASI_2024'
  if (dice.chance(0.02)) record.catatan = ''
  return record
}

/** A foreign national's and a pair's birth date is never contradicted, as others are recognised by it. */
function contradicted(dice: Dice, { birth }: Person, kind: Kind): Person['birth'] {
  const isContradicted = dice.chance(0.003) && kind === 'ordinary'
  return isContradicted ? { ...birth, month: (birth.month % 12) + 1, day: Math.min(birth.day, 28) } : birth
}

function writtenTitles(dice: Dice, name: string, prefix: string, suffix: string) {
  if (dice.chance(0.2)) {
    const written = prefix === '' ? name : `${prefix} ${name}`
    return { nama: suffix === '' ? written : `${written}, ${suffix}`, gelar_depan: null, gelar_belakang: null }
  }
  return {
    nama: name,
    gelar_depan: prefix === '' ? null : prefix,
    gelar_belakang: suffix === '' ? null : suffix
  }
}

function laterTitles(suffix: string, count: number): string {
  if (count === 0) return suffix
  const added = Array.from({ length: Math.min(count, LATER_TITLES.length) }, (_, place) => LATER_TITLES[place])
  return [suffix, ...added].filter(title => title !== '' && title !== undefined).join(', ')
}

/** A corrected spelling: a last name is added, as when a single name gets its legal second word. */
function respelled(name: string, count: number): string {
  return count === 0 ? name : `${name.trim()} Adiwangsa`
}

function validity(dice: Dice, { kind, strShape, changes }: Facts, hasExpired: boolean): string | null {
  const drawn = dice.below(100)
  const month = 1 + dice.below(12)
  const day = 1 + dice.below(28)
  if (hasExpired) return writtenDate(dice, { year: 2019 + (drawn % 6), month, day })
  if (strShape === 'lifetime' && kind !== 'foreign') {
    // A record that says nothing, and one that says so, mean the same on a lifetime number.
    const words = [null, null, 'Seumur Hidup', '9999-12-31'] as const
    return words[(drawn + (changes?.validity ?? 0)) % words.length] ?? null
  }
  if (drawn < 3 && kind !== 'foreign') return drawn === 0 ? '-' : drawn === 1 ? '0000-00-00' : null
  return writtenDate(dice, { year: 2028 + Math.min(changes?.validity ?? 0, 4), month, day })
}
