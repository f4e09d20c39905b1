import { jakartaDay } from '../transform/dates.ts'
import { compileSource } from '../transform/field-source.ts'
import { cleanValue } from '../transform/fields.ts'
import { compileProfessions } from '../transform/professions.ts'
import { compileStamp } from '../transform/stamp.ts'
import { foldWord } from '../transform/text.ts'
import type { SourceDescription } from './description.ts'
import { mappingOf } from './load.ts'
import { placeholdersIn } from './template.ts'
import type { PageQuery } from './types.ts'
import { unitOf } from './window-format.ts'

/** Returns whether to keep a row. */
export type RowFilter = (row: unknown) => boolean

/** Returns the filter for a query; `null` if the source itself applies the query. */
export type FilterFor = (query: PageQuery) => RowFilter | null

/** Returns a function that makes the filter of a query, for the parts that the source itself cannot apply. */
export function compileRowFilter(description: SourceDescription): FilterFor {
  const windowFilter = compileWindowFilter(description)
  const professionFilter = compileProfessionFilter(description)
  return query => {
    const inWindow = windowFilter(query)
    const ofProfession = professionFilter(query)
    if (inWindow === null || ofProfession === null) return inWindow ?? ofProfession
    return row => inWindow(row) && ofProfession(row)
  }
}

/**
 * A row with an unreadable time is kept, so that it is rejected with its reason. A time without seconds, or without a
 * time of day, covers its whole unit: the row is kept if a part of the unit is in the window.
 */
function compileWindowFilter(description: SourceDescription): FilterFor {
  const { window } = description.request
  const stampUnit = Math.max(...(description.dates.formats.changedAt ?? []).map(unitOf))
  const stampOf = compileStamp(mappingOf(description))
  if (stampOf === null) return () => null
  const isExact = window !== undefined && unitOf(window.format) === 1
  return ({ changedSince, changedUntil }) => {
    const isSinceKept = changedSince === undefined || (isExact && window?.since === 'inclusive')
    const isUntilKept = changedUntil === undefined || (isExact && window?.until === 'exclusive')
    if (isSinceKept && isUntilKept) return null
    const since = changedSince === undefined ? Number.NEGATIVE_INFINITY : Date.parse(changedSince)
    const until = changedUntil === undefined ? Number.POSITIVE_INFINITY : Date.parse(changedUntil)
    return row => {
      const ms = stampOf(row)
      return ms === null || (ms + stampUnit > since && ms < until)
    }
  }
}

/**
 * If the source cannot filter by profession, its rows are filtered here. Each row must be in exactly one part of a walk. So a
 * word that is not a code of the source counts as the first code of its profession.
 */
function compileProfessionFilter({ request, fields, tables }: SourceDescription): FilterFor {
  if (placeholdersIn([request.query, request.json, request.form]).includes('profession')) return () => null
  const read = compileSource(fields.profession)
  const codeOf = compileProfessions(tables.professions)
  const wordsOf = new Map(tables.professions.map(({ code, kkiCodes }) => [code, kkiCodes.map(foldWord)]))
  return ({ profession }) => {
    if (profession === undefined) return null
    const asked = foldWord(profession)
    const today = jakartaDay(Date.now())
    return row => {
      const value = read(row)
      if (typeof value !== 'string') return false
      const word = cleanValue(value)
      const words = wordsOf.get(codeOf(word, () => [today]) ?? '') ?? []
      const folded = foldWord(word)
      return (words.includes(folded) ? folded : words[0]) === asked
    }
  }
}
