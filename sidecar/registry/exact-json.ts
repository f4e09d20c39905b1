import { hasInexactNumber, parseExactly } from '../platform/exact-numbers.ts'
import { readJsonText } from '../platform/json-text.ts'
import { cutDeep, cutDeepValue, isTooDeep, maxDepth } from '../transform/depth.ts'

/** The page and its list are two levels around a row. */
const pageDepth = maxDepth + 2

/**
 * Returns what gives the JSON text of a row of a page, to be stored: no blanks between values, no number rounded, and what
 * is nested too deeply cut out. `body` is the page, an object whose list `data` holds `rows`.
 */
export function rowTexts(body: Buffer, rows: readonly unknown[]): (index: number) => string {
  let exact: { data: unknown[] } | undefined
  return index => {
    const row = isTooDeep(rows[index]) ? cutDeepValue(rows[index]) : rows[index]
    if (!hasInexactNumber(row)) return JSON.stringify(row)
    // The reviver is called for each value of the page, so it is used only where a row needs it.
    exact ??= parseExactly(cutDeep(readJsonText(body), pageDepth)) as { data: unknown[] }
    return JSON.stringify(exact.data[index])
  }
}
