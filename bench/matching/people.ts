import type { Chance } from './chance.ts'
import { familyNameOf, firstNameOf, nameOf } from './names.ts'
import { type Place, places } from './places.ts'
import { type Profession, professions } from './professions.ts'

export interface BirthDate {
  year: number
  month: number
  day: number
}

/** An invented person with the true values; KKI's rows may differ. */
export interface Person extends BirthDate {
  id: number
  names: readonly string[]
  isWoman: boolean
  place: Place
  profession: Profession
  /** The first twelve digits are the region and the date of birth, with 40 added to the day for women. */
  nik: string
}

/** Given values of a new person; the others are random. */
export interface Given extends Partial<Omit<Person, 'id' | 'nik' | 'place'>> {
  place?: Place | undefined
  /**
   * The first twelve digits of the NIK are those of this person, and so are sex and date; the serial number is the next
   * one.
   */
  nikAfter?: Person | undefined
}

/** Makes invented people whose NIKs are all different. */
export class People {
  readonly chance: Chance
  readonly #niks = new Set<string>()
  #made = 0

  constructor(chance: Chance) {
    this.chance = chance
  }

  make(given: Given = {}): Person {
    const { chance } = this
    const twin = given.nikAfter
    const profession = given.profession ?? twin?.profession ?? chance.pickCommon(professions)
    const isWoman = given.isWoman ?? twin?.isWoman ?? chance.is(profession.womenShare)
    const year = given.year ?? twin?.year ?? 1958 + Math.floor(44 * Math.sqrt(chance.next()))
    const person = {
      id: ++this.#made,
      names: given.names ?? nameOf(chance, isWoman, year),
      isWoman,
      year,
      month: given.month ?? twin?.month ?? 1 + chance.below(12),
      day: given.day ?? twin?.day ?? 1 + chance.below(28),
      place: given.place ?? twin?.place ?? chance.pickCommon(places),
      profession
    }
    if (twin) return { ...person, nik: this.#nikAfter(twin) }
    // Most people were registered where they were born.
    const { region } = chance.is(0.75) ? person.place : chance.pickCommon(places)
    return { ...person, nik: this.#take(region + two(1 + chance.below(12)) + nikDate(person), this.#serial()) }
  }

  /** Another given name than these, of the same family. */
  siblingNames(names: readonly string[], isWoman: boolean): string[] {
    const family = names.length > 1 ? (names.at(-1) as string) : familyNameOf(this.chance, isWoman)
    return [firstNameOf(this.chance, isWoman, names), family]
  }

  #nikAfter({ nik, isWoman, year, month, day }: Person): string {
    return this.#take(nik.slice(0, 6) + nikDate({ isWoman, year, month, day }), Number(nik.slice(12)) + 1)
  }

  /** Serial numbers count births on one day in one district, so they are small. */
  #serial(): number {
    return 1 + Math.floor(-Math.log(1 - this.chance.next()) * 4)
  }

  #take(start: string, serial: number): string {
    for (let number = serial; ; number++) {
      const nik = start + String(number).padStart(4, '0')
      if (this.#niks.has(nik)) continue
      this.#niks.add(nik)
      return nik
    }
  }
}

/** The six digits of a NIK with the birth date. */
export function nikDate({ isWoman, year, month, day }: BirthDate & { isWoman: boolean }): string {
  return two(isWoman ? day + 40 : day) + two(month) + two(year % 100)
}

export function dateOf({ year, month, day }: BirthDate): string {
  return `${year}-${two(month)}-${two(day)}`
}

export function two(value: number): string {
  return String(value).padStart(2, '0')
}
