import { compileFormat } from '../../transform/date-format.ts'
import { compilePointer, compileSource, pointersOf } from '../../transform/field-source.ts'
import { nikFault } from '../../transform/nik.ts'
import { foldWord } from '../../transform/text.ts'
import type { SourceDescription } from '../description.ts'
import { suggestFormats } from './date-formats.ts'
import { isObject, withoutIndexes } from './shape.ts'

/** A word of a list such as statuses: short, and without a digit. */
const codeWord = /^[\p{L}_-]{1,20}(?: [\p{L}_-]{1,20}){0,2}$/u
const mostWords = 40
const longestWord = 30

/**
 * Returns the words of a column that may be shown: they look like words of a short list, and unlike personal data. Each word
 * appears in two rows or more, and the column has at least four rows for each different word.
 */
export function showableWords(values: readonly unknown[]): Set<string> {
  const counts = new Map<string, number>()
  for (const value of values) {
    if (typeof value === 'string') counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  if (counts.size > mostWords || counts.size * 4 > values.length) return new Set()
  const isShowable = ([word, rows]: [string, number]) => rows > 1 && word.length <= longestWord && codeWord.test(word)
  return new Set([...counts].filter(isShowable).map(([word]) => word))
}

/** Replaces every NIK: its region does not exist, and its birth date is the one below. It is exact as a JSON number, too. */
const inventedNik = '1099992307110001'
/** Replaces every date: the day is greater than 12, so that it cannot be read as a month. */
const inventedDay = { YYYY: '2011', MM: '07', DD: '23', D: '23', HH: '11', mm: '11', ss: '11' }
const inventedMs = Date.UTC(2011, 6, 23)
/** Single other numbers may look like a NIK or a date by chance; so many in a column do not. */
const leastShare = 0.25

/**
 * Returns an answer in which all values that may be personal are masked: letters become x and digits 1. NIKs and dates
 * become invented ones of the same form, so that they can still be recognised. These values stay: words of the status, sex
 * and profession columns if they may be shown, words for "for life", true, false, null, and small numbers outside the rows.
 */
export function maskAnswer(answer: unknown, rows: readonly unknown[], description: MaskedBy): unknown {
  const { answer: place, fields, tables } = description
  const shown = new Map<string, Set<string>>()
  for (const field of ['status', 'sex', 'profession'] as const) {
    const source = fields[field]
    if (source === undefined) continue
    const words = showableWords(rows.map(compileSource(source)))
    for (const pointer of pointersOf(source)) shown.set(withoutIndexes(pointer), words)
  }
  const lifetimeWords = new Set(tables.lifetimeWords.map(foldWord))
  const list = compilePointer(place.rows)(answer)
  const masks = columnMasks(Array.isArray(list) ? list : [], tables.monthNames)
  const maskInRow = (value: string | number, pointer: string): unknown => {
    if (shown.get(pointer)?.has(String(value)) || lifetimeWords.has(foldWord(String(value)))) return value
    const text = masks.get(pointer)?.(String(value)) ?? maskText(String(value))
    return typeof value === 'number' ? Number(text) : text
  }
  const mask = (value: unknown, pointer: string, isRow: boolean): unknown => {
    if (value === list && Array.isArray(value)) return value.map(row => mask(row, '', true))
    if (Array.isArray(value)) return value.map(item => mask(item, pointer, isRow))
    if (isObject(value)) {
      const members = Object.entries(value).map(([key, member]) => [
        maskKey(key),
        mask(member, `${pointer}/${key}`, isRow)
      ])
      return Object.fromEntries(members)
    }
    if (typeof value !== 'string' && typeof value !== 'number') return value
    if (isRow) return maskInRow(value, pointer)
    if (typeof value === 'string') return maskText(value)
    return Math.abs(value) > 999_999_999 ? Number(maskText(String(value))) : value
  }
  return mask(answer, '', false)
}

type MaskedBy = Pick<SourceDescription, 'answer' | 'fields'> & {
  tables: Pick<SourceDescription['tables'], 'monthNames' | 'lifetimeWords'>
}

/** Masks a text; null if it does not have this kind. */
type Mask = (text: string) => string | null

/** Returns the masks for NIKs and dates, by the pointers of columns with such values. */
function columnMasks(rows: readonly unknown[], monthNames: readonly string[][]): Map<string, Mask> {
  const columns = new Map<string, (string | number)[]>()
  const collect = (value: unknown, pointer: string): void => {
    if (Array.isArray(value)) for (const item of value) collect(item, pointer)
    else if (isObject(value)) for (const [key, member] of Object.entries(value)) collect(member, `${pointer}/${key}`)
    else if (typeof value === 'number' || (typeof value === 'string' && value.trim() !== '')) {
      const values = columns.get(pointer) ?? []
      columns.set(pointer, values)
      values.push(value)
    }
  }
  collect(rows, '')
  const masks = new Map<string, Mask>()
  for (const [pointer, values] of columns) {
    const least = leastShare * values.length
    if (values.filter(value => maskNik(String(value)) !== null).length >= least) masks.set(pointer, maskNik)
    else {
      const dates = suggestFormats(values, monthNames)
      if (dates !== null && dates.read >= least) masks.set(pointer, dateMask(dates.formats, monthNames))
    }
  }
  return masks
}

function maskNik(text: string): string | null {
  if (nikFault(text.replaceAll(/\D/g, '')) !== null) return null
  let at = 0
  return maskText(text.replaceAll(/\d/g, '#')).replaceAll('#', () => inventedNik.charAt(at++))
}

function dateMask(formats: readonly string[], monthNames: readonly string[][]): Mask {
  const parts: Record<string, string> = { ...inventedDay, MMMM: monthNames[6]?.[0] ?? '' }
  const read = formats.map(format => ({ format, read: compileFormat(format, monthNames) }))
  return text => {
    const format = read.find(one => one.read(text.trim()) !== null)?.format
    if (format === undefined) return null
    if (format === 'epochSeconds') return String(inventedMs / 1000)
    if (format === 'epochMilliseconds') return String(inventedMs)
    if (format === 'instant') return `2011-07-23${text.trim().charAt(10)}${maskText(text.trim().slice(11))}`
    return format.replaceAll(/YYYY|MMMM|MM|DD|D|HH|mm|ss/g, token => parts[token] ?? token)
  }
}

function maskKey(key: string): string {
  return /\d{6}/.test(key) ? maskText(key) : key
}

function maskText(text: string): string {
  return (
    text
      // T and Z of an ISO time stay, so that the format can still be recognised.
      .replaceAll(/(?<!\d)T|T(?!\d)|(?<!\d)Z|Z(?!$)|(?![TZ])\p{Lu}/gu, 'X')
      .replaceAll(/(?![TXZ])\p{L}/gu, 'x')
      .replaceAll(/\p{Nd}/gu, '1')
      // A plausible year, so that the format of a masked date can still be recognised.
      .replaceAll(/(?<!1)1111(?!1)/g, '2011')
  )
}
