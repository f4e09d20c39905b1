import type { Chance } from './chance.ts'
import { dateOf, type Given, type People, type Person } from './people.ts'

export type Row = Record<string, unknown>

/** The part of a case for a row: known before, next, after that; or both sides of a race. */
export type Part = 0 | 1 | 2 | 'race-a' | 'race-b'

export interface ToldRow {
  record: Row
  /** The true person of the row. */
  person: number
  part: Part
}

/** One case while it is built: its people, and KKI's rows about them. */
export class Story {
  readonly chance: Chance
  /** The number of the case within its class: chooses between its variants, so that each gets its share. */
  readonly n: number
  readonly people: Person[] = []
  readonly rows: ToldRow[] = []
  readonly #makeUp: People
  readonly #strs: { made: number }

  constructor(n: number, people: People, strs: { made: number }) {
    this.chance = people.chance
    this.n = n
    this.#makeUp = people
    this.#strs = strs
  }

  somebody(given: Given = {}): Person {
    const person = this.#makeUp.make(given)
    this.people.push(person)
    return person
  }

  /** A person with the value that `suits` returned for it. */
  somebodyWho<T>(suits: (person: Person) => T | undefined, given: Given = {}): [Person, T] {
    for (let tries = 0; tries < 5000; tries++) {
      const person = this.#makeUp.make(given)
      const found = suits(person)
      if (found === undefined) continue
      this.people.push(person)
      return [person, found]
    }
    throw new Error('nobody among 5,000 invented people suits this case')
  }

  siblingNames(of: Person, isWoman: boolean): string[] {
    return this.#makeUp.siblingNames(of.names, isWoman)
  }

  /** An STR that differs from all others in more than one character. */
  newStr(): string {
    return `QA${String(++this.#strs.made * 37).padStart(14, '0')}`
  }

  /** A row of this person; the fields of `given` are used unchanged. */
  tells(part: Part, person: Person, given: Row = {}): Row {
    const record = { ...recordOf(person), nomor_str: given.nomor_str ?? this.newStr(), ...given }
    this.rows.push({ record, person: person.id, part })
    return record
  }
}

function recordOf(person: Person): Row {
  const { names, place, isWoman, profession, id, nik } = person
  return {
    nik,
    nama: names.join(' '),
    gelar_depan: profession.prefixes[id % profession.prefixes.length] || null,
    gelar_belakang: profession.suffixes[id % profession.suffixes.length] || null,
    tempat_lahir: place.name,
    tanggal_lahir: dateOf(person),
    jenis_kelamin: isWoman ? 'P' : 'L',
    profesi: profession.code,
    kompetensi: null,
    status_str: 'AKTIF',
    tanggal_terbit: '2024-01-01',
    berlaku_sampai: null
  }
}
