import type { BirthPlaceAlias } from './mapping-schema.ts'
import { dropApostrophes, foldDiacritics } from './text.ts'

/** Kinds of region that stand before a name; a place that is called by nothing else keeps it. */
const regionKind = /^(?:KOTA MADYA|KOTAMADYA|KODYA|KOTA ADMINISTRASI|KOTA|KABUPATEN|KAB) (?=.)/

/** What a birthplace is compared by, and whether the name that was used fits the year of birth. */
export interface BirthPlaceKey {
  key: string
  fitsPeriod: boolean
}

export type BirthPlaceReader = (place: string, bornIn: number | null) => BirthPlaceKey | null

/**
 * Returns a function from a birthplace and a year of birth (`null` where unknown, which fits every period) to the key
 * that birthplaces are compared by: KOTA and KABUPATEN off, upper case, punctuation folded, other names of a place
 * resolved where they were in use. `null` where nothing is left.
 */
export function compileBirthPlaces(aliases: readonly BirthPlaceAlias[]): BirthPlaceReader {
  const byWord = new Map(
    aliases.map(({ value, key, bornFrom = 0, bornUntil = 9999 }) => [
      birthPlaceWords(value),
      { key: birthPlaceWords(key), bornFrom, bornUntil }
    ])
  )
  return (place: string, bornIn: number | null): BirthPlaceKey | null => {
    const words = birthPlaceWords(place)
    if (words === '') return null
    const bare = words.replace(regionKind, '')
    const alias = byWord.get(words) ?? byWord.get(bare)
    if (alias === undefined) return { key: bare, fitsPeriod: true }
    const fitsPeriod = bornIn === null || (alias.bornFrom <= bornIn && bornIn <= alias.bornUntil)
    return { key: fitsPeriod ? alias.key : bare, fitsPeriod }
  }
}

/** Returns the words of a place in upper case, diacritics and punctuation folded. */
export function birthPlaceWords(place: string): string {
  const upper = place.toUpperCase()
  if (/^[A-Z]+(?: [A-Z]+)*$/.test(upper)) return upper
  return dropApostrophes(foldDiacritics(dropApostrophes(upper)).toUpperCase())
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}
