import { compileDayReader } from './dates.ts'
import type { Mapping } from './mapping.ts'
import { foldWord } from './text.ts'
import type { StrFormat } from './types.ts'

/** When an STR ends: `until` with `isLifetime` false is its last day, or unknown if `null`. */
export interface Validity {
  until: string | null
  isLifetime: boolean
}

/** Parses an end date, or returns `null` if the mapping cannot read it. An absent one is the empty text. */
export type ValidityReader = (text: string, format: StrFormat) => Validity | null

const forLife: Validity = { until: null, isLifetime: true }
const unknown: Validity = { until: null, isLifetime: false }

/**
 * Returns the parser of end dates. Words such as "Seumur Hidup" mean for life on any number. An absent, unknown or
 * endless date (9999-12-31) means for life only on a `lifetime` number, because numbers of the old kind end until 2028.
 */
export function compileValidity(mapping: Mapping): ValidityReader {
  const readDay = compileDayReader(mapping.dateFormats.validUntil ?? [], mapping.monthNames, mapping.dateZone)
  const lifetimeWords = new Set(mapping.lifetimeWords.map(foldWord))
  const unknownWords = new Set(mapping.unknownDateWords.map(foldWord))
  const endless = new Set(mapping.endlessDates)
  return (text, format) => {
    const silent = format === 'lifetime' ? forLife : unknown
    if (text === '') return silent
    const until = readDay(text)
    if (until !== null) return endless.has(until) ? silent : { until, isLifetime: false }
    const word = foldWord(text)
    if (lifetimeWords.has(word)) return forLife
    return unknownWords.has(word) ? silent : null
  }
}
