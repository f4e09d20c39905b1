import { hasInexactNumber, parseExactly } from '../platform/exact-numbers.ts'
import { readJsonText } from '../platform/json-text.ts'
import { cutDeep, cutDeepValue, isTooDeep, maxDepth } from '../transform/depth.ts'

/** The page and its list add two levels of nesting. */
const pageDepth = maxDepth + 2

/**
 * Returns a function that gives the JSON text of a row for storage: without blanks between values, with exact numbers, and
 * with too deeply nested values cut out. `body` is the page, an object whose list `data` contains `rows`.
 */
export function rowTexts(body: Buffer, rows: readonly unknown[]): (index: number) => string {
  let exact: { data: unknown[] } | undefined
  return index => {
    const row = isTooDeep(rows[index]) ? cutDeepValue(rows[index]) : rows[index]
    if (!hasInexactNumber(row)) return JSON.stringify(row)
    // The reviver is called for each value of the page, so it is used only if a row needs it.
    exact ??= parseExactly(cutDeep(readJsonText(body), pageDepth)) as { data: unknown[] }
    return JSON.stringify(exact.data[index])
  }
}
