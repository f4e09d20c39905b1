import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BirthPlaceAlias } from './tables.ts'
import { dropApostrophes, foldDiacritics } from './text.ts'

/** The file of the places, with the source of each group. */
export const placesFile = fileURLToPath(new URL('../../contracts/places.json', import.meta.url))

interface Places {
  provinces: { names: string[] }
  cities: { names: string[] }
  otherNames: { names: Record<string, string[]> }
  formerNames: { names: { name: string; key: string; bornUntil: number }[] }
  within: { names: Record<string, string> }
}

const table: Places = JSON.parse(readFileSync(placesFile, 'utf8'))

/** The same place is written in one or two words (`Bukit Tinggi`), so the lookup ignores blanks. */
const join = (words: string) => words.replaceAll(' ', '')

const provinces = new Set(table.provinces.names.map(name => join(name.toUpperCase())))
/** The key of each place in the table. */
const known = new Map<string, string>()
for (const [city, names] of Object.entries(table.within.names)) {
  for (const name of names.split(', ')) known.set(join(name), `${city}/${name}`)
}
for (const [key, names] of Object.entries(table.otherNames.names)) for (const name of names) known.set(join(name), key)
for (const name of table.cities.names) known.set(join(name), name)

/** Kinds of region before a name, in present and older documents. */
const regionKind = new RegExp(
  `^(?:${[
    'KOTA ?MADYA',
    'KOD[YI]A',
    'KOTIP',
    'KOTA ADM(?:INISTRA(?:SI|TIF))?',
    'KOTA',
    'KAB(?:UPATEN)?(?: ADM(?:INISTRASI)?)?',
    'KEC(?:AMATAN)?',
    'PROV(?:INSI)?',
    'PROPINSI'
  ].join('|')})(?: (?:DATI|DT|D T|DAERAH TINGKAT) (?:II|2))?(?: |$)`
)
const dati = /^(?:DATI|DT|DAERAH TINGKAT) (?:II|2) /
const trailingKind = / (?:KOTA(?: ?MADYA)?|KOD[YI]A|KAB(?:UPATEN)?)$/

/** Abbreviated first words and their meanings; the table decides between them. */
const abbreviations: Record<string, string[]> = {
  TG: ['TANJUNG'],
  TJ: ['TANJUNG'],
  TJG: ['TANJUNG'],
  TNJ: ['TANJUNG'],
  T: ['TANJUNG', 'TEBING', 'TELUK'],
  TL: ['TELUK'],
  TLK: ['TELUK'],
  TB: ['TEBING'],
  P: ['PEMATANG', 'PANGKAL', 'PADANG', 'PULAU'],
  PD: ['PADANG'],
  PDG: ['PADANG'],
  PKL: ['PANGKAL'],
  KEP: ['KEPULAUAN'],
  B: ['BANDA', 'BANDAR'],
  BDR: ['BANDAR'],
  BKT: ['BUKIT'],
  MA: ['MUARA'],
  SEI: ['SUNGAI'],
  S: ['SUNGAI'],
  GN: ['GUNUNG'],
  LB: ['LUBUK'],
  L: ['LUBUK']
}

/** Between a place and the region that it lies in. */
const separators = /[,;/()[\]]|(?<=\S) (?=(?:kota|kab|kabupaten)\b\.? )/i

/** The comparison key of a birthplace, and whether its name existed in the year of birth. */
export interface BirthPlaceKey {
  key: string
  fitsPeriod: boolean
}

export type BirthPlaceReader = (place: string, bornIn: number | null) => BirthPlaceKey | null

interface Resolved {
  key: string
  former?: { key: string; bornFrom: number; bornUntil: number }
}

/** Number of cached texts; most rows name one of a few hundred places. */
const rememberedTexts = 4096

/**
 * Returns a function from a birthplace and a year of birth (`null` if unknown, which matches every period) to a comparison
 * key: without kinds of region and the province, in upper case, with folded punctuation, and with former names of a place
 * resolved for the time of their use. A subdistrict, or another place in a city or regency, has a key of two parts
 * (`BANDUNG/CICENDO`): near the city's key, and not equal. `null` if nothing is left.
 */
export function compileBirthPlaces(aliases: readonly BirthPlaceAlias[]): BirthPlaceReader {
  const former = new Map(
    table.formerNames.names.map(({ name, key, bornUntil }) => [join(name), { key, bornFrom: 0, bornUntil }])
  )
  for (const { value, key, bornFrom = 0, bornUntil = 9999 } of aliases) {
    former.set(join(birthPlaceWords(value)), { key: birthPlaceWords(key), bornFrom, bornUntil })
  }
  const remembered = new Map<string, Resolved | null>()

  function resolve(place: string): Resolved | null {
    const words = birthPlaceWords(place)
    if (words === '') return null
    const whole = lookUp(words)
    if (whole !== null) return whole
    const parts = place
      .split(separators)
      .map(birthPlaceWords)
      .filter(part => part !== '')
    const names = parts.map(part => dropKind(part)).filter(part => part !== '')
    const telling = names.filter(part => !provinces.has(join(part)))
    const list = telling.length > 0 ? telling : names.slice(0, 1)
    if (list.length <= 1) return read(list[0] ?? words)
    const places = list.map(read)
    const city = places.findLast(({ key }) => isCity(key))?.key
    if (city === undefined) return { key: list.join(' ') }
    const inside = places.filter(({ key }) => key !== city)
    const [first] = inside
    if (first === undefined) return { key: city }
    // Two cities are not part of each other.
    if (inside.some(({ key }) => isCity(key))) return { key: list.join(' ') }
    return { key: `${city}/${first.key.slice(first.key.indexOf('/') + 1)}` }
  }

  function lookUp(words: string): Resolved | null {
    const joined = join(words)
    const alias = former.get(joined)
    if (alias !== undefined) return { key: words, former: alias }
    const key = known.get(joined)
    return key === undefined ? null : { key }
  }

  function dropKind(words: string): string {
    if (lookUp(words) !== null) return words
    const bare = words.replace(regionKind, '').replace(dati, '')
    if (bare === words && trailingKind.test(words)) {
      const before = words.replace(trailingKind, '')
      if (lookUp(before) !== null) return before
    }
    return bare
  }

  /** Returns the place of one part of a text, also if abbreviated or in the spelling before 1972. */
  function read(words: string): Resolved {
    return lookUp(words) ?? lookUp(dropProvince(words)) ?? expand(words) ?? lookUp(modernize(words)) ?? { key: words }
  }

  function dropProvince(words: string): string {
    const list = words.split(' ')
    for (let at = 1; at < list.length; at++) {
      if (provinces.has(list.slice(at).join(''))) return list.slice(0, at).join(' ').replace(trailingKind, '')
    }
    return words
  }

  function expand(words: string): Resolved | null {
    const [first = '', ...rest] = words.split(' ')
    for (const word of rest.length > 0 ? (abbreviations[first] ?? []) : []) {
      const found = lookUp([word, ...rest].join(' '))
      if (found !== null) return found
    }
    return null
  }

  return (place: string, bornIn: number | null): BirthPlaceKey | null => {
    let resolved = remembered.get(place)
    if (resolved === undefined) {
      resolved = resolve(place)
      if (remembered.size >= rememberedTexts) remembered.clear()
      remembered.set(place, resolved)
    }
    if (resolved === null) return null
    const { key, former: alias } = resolved
    if (alias === undefined) return { key, fitsPeriod: true }
    const fitsPeriod = bornIn === null || (alias.bornFrom <= bornIn && bornIn <= alias.bornUntil)
    return { key: fitsPeriod ? alias.key : key, fitsPeriod }
  }
}

function isCity(key: string): boolean {
  return known.get(join(key)) === key && !key.includes('/')
}

/** Converts the spelling before 1972 to the present one: `Soerabaja`, `Djakarta`, `Tjirebon`. */
function modernize(words: string): string {
  return words
    .replaceAll('OE', 'U')
    .replaceAll('TJ', 'C')
    .replace(/D?J/g, letter => (letter === 'DJ' ? 'J' : 'Y'))
}

/** Returns the words of a place in upper case, diacritics and punctuation folded. */
export function birthPlaceWords(place: string): string {
  const upper = place.toUpperCase()
  if (/^[A-Z]+(?: [A-Z]+)*$/.test(upper)) return upper
  return dropApostrophes(foldDiacritics(dropApostrophes(upper)).toUpperCase())
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}
