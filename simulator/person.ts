import { foreignName, localName } from './names.ts'
import { type CalendarDate, nikOf, nikSourceOf } from './nik.ts'
import type { Permutation } from './permutation.ts'
import { foreignPlaces, type Place, places } from './places.ts'
import { Dice } from './random.ts'

const SALT = 21

/** An invented person, the same in every record that speaks of it. */
export interface Person {
  nameTokens: string[]
  isWoman: boolean
  birth: CalendarDate
  birthPlace: Place
  /** Null for foreign nationals. */
  nik: string | null
}

/**
 * Returns the person of the record `leader`.
 *
 * NIKs are unique, and so are name, birth date and birthplace of those without one: both derive from a number that
 * `numbers` gives to one person alone.
 */
export function personOf(
  seed: number,
  numbers: Permutation,
  leader: number,
  options: { isForeign: boolean; womenShare: number }
): Person {
  const dice = new Dice(seed, SALT, leader)
  const source = nikSourceOf(numbers.apply(leader))
  const isWoman = dice.chance(options.womenShare)
  if (options.isForeign) {
    // The place is drawn by name number, not freely: otherwise two halves could not tell equal names apart.
    const name = foreignPlaces[source.half][source.serial % 4] ?? foreignPlaces[source.half][0]
    const birthPlace: Place = { name, kind: null, province: 'DKI JAKARTA' }
    return { nameTokens: foreignName(source.serial), isWoman, birth: source.birth, birthPlace, nik: null }
  }
  return {
    nameTokens: localName(dice, isWoman),
    isWoman,
    birth: source.birth,
    birthPlace: dice.pick(places),
    nik: nikOf(source, isWoman, dice)
  }
}
