import { birthPlaceWords } from './birth-place.ts'
import { epochFormats, isDateFormat } from './date-format.ts'
import { compileDayReader } from './dates.ts'
import { findOverlap } from './professions.ts'
import type { ProfessionMapping, Tables } from './tables.ts'
import { foldWord } from './text.ts'

/** A place in the tables or formats that is ambiguous or impossible, and why. */
export interface TableFault {
  path: string
  reason: string
}

const isoDay = compileDayReader(['YYYY-MM-DD'], [])

/** Returns the first ambiguity of the tables; `null` if there is none. */
export function findTableFault(tables: Tables): TableFault | null {
  return (
    monthFault(tables) ??
    endlessFault(tables) ??
    wordsFault('/statusWords', tables.statusWords) ??
    wordsFault('/sexWords', tables.sexWords) ??
    unknownFault('/unknownWords', tables.unknownWords) ??
    unknownFault('/unknownWordsOutsideNames', tables.unknownWordsOutsideNames) ??
    professionFault(tables) ??
    birthPlaceFault(tables)
  )
}

/** Returns the first fault in the formats of one field; the path starts with the place of the format in its list. */
export function findFormatFault(formats: readonly string[]): TableFault | null {
  const shapes = new Set<string>()
  for (const [index, format] of formats.entries()) {
    if (!isDateFormat(format)) return { path: `/${index}`, reason: 'must have a year, a month and a day, each once' }
    const shape = epochFormats.includes(format) ? 'epoch' : format.replace(/DD|MM|D/g, '#')
    if (shapes.has(shape))
      return { path: `/${index}`, reason: 'cannot be distinguished from another format of this field' }
    shapes.add(shape)
  }
  return null
}

function monthFault({ monthNames }: Tables): TableFault | null {
  const names = monthNames.map(list => list.map(name => name.toLowerCase()))
  const index = names.findIndex((list, at) =>
    names.some((other, otherAt) => otherAt !== at && other.some(name => list.includes(name)))
  )
  return index < 0 ? null : { path: `/monthNames/${index}`, reason: 'another month has the same name' }
}

function endlessFault({ endlessDates }: Tables): TableFault | null {
  const index = endlessDates.findIndex(day => isoDay(day) === null)
  return index < 0 ? null : { path: `/endlessDates/${index}`, reason: 'is not a date' }
}

function wordsFault(path: string, words: Record<string, string>): TableFault | null {
  const meanings = new Map<string, string>()
  for (const [word, meaning] of Object.entries(words)) {
    const folded = foldWord(word)
    if (folded === '') return { path, reason: 'has a blank word' }
    if ((meanings.get(folded) ?? meaning) !== meaning) return { path: `${path}/${word}`, reason: 'has two meanings' }
    meanings.set(folded, meaning)
  }
  return null
}

function unknownFault(path: string, words: readonly string[]): TableFault | null {
  const index = words.findIndex(word => !/[\p{L}\p{N}]/u.test(word))
  return index < 0
    ? null
    : { path: `${path}/${index}`, reason: 'has no letter or digit, so it is blank without being listed' }
}

function professionFault({ professions }: Tables): TableFault | null {
  const codes = new Set<string>()
  const filters = new Set<string>()
  for (const [index, profession] of professions.entries()) {
    const path = `/professions/${index}`
    if (codes.has(profession.code)) return { path: `${path}/code`, reason: 'is used twice' }
    codes.add(profession.code)
    for (const [at, code] of profession.kkiCodes.entries()) {
      if (filters.has(foldWord(code))) return { path: `${path}/kkiCodes/${at}`, reason: 'is used twice' }
      filters.add(foldWord(code))
    }
    for (const [at, alias] of profession.aliases.entries()) {
      const fault = aliasFault(alias)
      if (fault) return { path: `${path}/aliases/${at}${fault.path}`, reason: fault.reason }
    }
  }
  const overlap = findOverlap(professions)
  return overlap === null ? null : { path: overlap, reason: 'the same word is valid twice at the same time' }
}

function aliasFault({
  validFrom = '1900-01-01',
  validUntil = '9999-12-31'
}: ProfessionMapping['aliases'][number]): TableFault | null {
  if (isoDay(validFrom) === null) return { path: '/validFrom', reason: 'is not a date' }
  if (isoDay(validUntil) === null) return { path: '/validUntil', reason: 'is not a date' }
  return validFrom > validUntil ? { path: '', reason: 'ends before its start' } : null
}

function birthPlaceFault({ birthPlaceAliases }: Tables): TableFault | null {
  const seen = new Set<string>()
  for (const [index, alias] of birthPlaceAliases.entries()) {
    const word = birthPlaceWords(alias.value)
    if (word === '' || seen.has(word)) {
      return { path: `/birthPlaceAliases/${index}/value`, reason: 'is blank or used twice' }
    }
    seen.add(word)
  }
  return null
}
