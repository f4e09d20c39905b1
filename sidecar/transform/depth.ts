/**
 * Allowed levels of nesting in a row: rows are flat, and a mapping reads a few levels at most. Thousands of levels overflow
 * the stack of `JSON.stringify`, a reviver and the JSON parsers of other languages.
 */
export const maxDepth = 32

const mark = '…'
const cut = JSON.stringify(mark)
const [quote, backslash] = ['"', '\\'].map(char => char.charCodeAt(0))
const [openBracket, closeBracket, openBrace, closeBrace] = Array.from('[]{}', char => char.charCodeAt(0))

/**
 * Returns the JSON text with a mark in place of each value that is nested more than one level deeper than `levels`. So later
 * readers can parse the text, and still see that it is nested too deeply.
 */
export function cutDeep(json: string, levels = maxDepth): string {
  let shallow = ''
  let kept = 0
  let depth = 0
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at)
    if (char === quote) at = endOfText(json, at)
    else if (char === openBracket || char === openBrace) {
      if (++depth === levels + 2) {
        shallow += json.slice(kept, at) + cut
        // A value that is never closed is invalid JSON, and the result is invalid too.
        kept = json.length
      }
    } else if (char === closeBracket || char === closeBrace) {
      if (depth-- === levels + 2) kept = at + 1
    }
  }
  return kept === 0 ? json : shallow + json.slice(kept)
}

/** The place of the quote that ends the string at `start`. */
function endOfText(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    const char = json.charCodeAt(at)
    if (char === quote) return at
    if (char === backslash) at++
  }
  return json.length
}

/** The same as `cutDeep`, for a parsed value. */
export function cutDeepValue(value: unknown, levelsLeft = maxDepth + 1): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (levelsLeft === 0) return mark
  if (Array.isArray(value)) return value.map(item => cutDeepValue(item, levelsLeft - 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cutDeepValue(item, levelsLeft - 1)]))
}

/** True for a value that is nested more than `maxDepth` levels deep. */
export function isTooDeep(value: unknown, levelsLeft = maxDepth): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levelsLeft === 0) return true
  // Not `for … in`: V8 compiles that for each hidden class, and every page brings new ones.
  return Object.values(value).some(item => isTooDeep(item, levelsLeft - 1))
}
