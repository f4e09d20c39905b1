import { compilePointer, compileSource, pointersOf } from '../../transform/field-source.ts'
import type { SourceDescription } from '../description.ts'
import { isObject, withoutIndexes } from './shape.ts'

/** A word of a list such as statuses: short, and without a digit. */
const codeWord = /^[\p{L}_-]{1,20}(?: [\p{L}_-]{1,20}){0,2}$/u
const mostWords = 40
const longestWord = 30

/**
 * Returns the words of a column that may be shown: they look like words of a short list, and none like something that a
 * person has. Each stands in two rows at least, and four rows or more come on each different word.
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

/**
 * Returns an answer with each value masked that may be personal: letters become x, digits 1, years 2011. Words of the status, sex and
 * profession columns stay where they are showable, and so do true, false, null and, outside the rows, small numbers.
 */
export function maskAnswer(
  answer: unknown,
  rows: readonly unknown[],
  { answer: { rows: at }, fields }: MaskedBy
): unknown {
  const shown = new Map<string, Set<string>>()
  for (const field of ['status', 'sex', 'profession'] as const) {
    const source = fields[field]
    if (source === undefined) continue
    const words = showableWords(rows.map(compileSource(source)))
    for (const pointer of pointersOf(source)) shown.set(withoutIndexes(pointer), words)
  }
  const list = compilePointer(at)(answer)
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
    if (typeof value === 'string') return isRow && shown.get(pointer)?.has(value) ? value : maskText(value)
    if (typeof value !== 'number') return value
    return isRow || Math.abs(value) > 999_999_999 ? Number(maskText(String(value))) : value
  }
  return mask(answer, '', false)
}

type MaskedBy = Pick<SourceDescription, 'answer' | 'fields'>

function maskKey(key: string): string {
  return /\d{6}/.test(key) ? maskText(key) : key
}

function maskText(text: string): string {
  return (
    text
      // T and Z of an ISO time stay, for the same reason as the year below.
      .replaceAll(/(?<!\d)T|T(?!\d)|(?<!\d)Z|Z(?!$)|(?![TZ])\p{Lu}/gu, 'X')
      .replaceAll(/(?![TXZ])\p{L}/gu, 'x')
      .replaceAll(/\p{Nd}/gu, '1')
      // A year that dates may have, so that the format of a masked date can still be recognised.
      .replaceAll(/(?<!1)1111(?!1)/g, '2011')
  )
}
