/**
 * Levels that a row may be nested: rows are flat, and a mapping reaches a few levels down. What is nested by the thousand
 * ends `JSON.stringify`, a reviver and the JSON parsers of other languages.
 */
export const maxDepth = 32

const cut = '"…"'
const [quote, backslash] = ['"', '\\'].map(char => char.charCodeAt(0))
const [openBracket, closeBracket, openBrace, closeBrace] = Array.from('[]{}', char => char.charCodeAt(0))

/**
 * Returns the JSON text with a mark in place of what is nested more than one level deeper than `maxDepth`. So every later
 * reader has a text that it can handle, and still sees that it is nested too deeply.
 */
export function cutDeep(json: string): string {
  let shallow = ''
  let kept = 0
  let depth = 0
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at)
    if (char === quote) at = endOfText(json, at)
    else if (char === openBracket || char === openBrace) {
      if (++depth === maxDepth + 2) {
        shallow += json.slice(kept, at) + cut
        // What is cut out and never closed is no JSON, and stays none.
        kept = json.length
      }
    } else if (char === closeBracket || char === closeBrace) {
      if (depth-- === maxDepth + 2) kept = at + 1
    }
  }
  return kept === 0 ? json : shallow + json.slice(kept)
}

/** The place of the quote that ends the text which begins at `start`. */
function endOfText(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    const char = json.charCodeAt(at)
    if (char === quote) return at
    if (char === backslash) at++
  }
  return json.length
}

/** True for a value that is nested more than `maxDepth` levels deep. */
export function isTooDeep(value: unknown, levelsLeft = maxDepth): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levelsLeft === 0) return true
  for (const key in value) {
    const item = (value as Record<string, unknown>)[key]
    if (typeof item === 'object' && item !== null && isTooDeep(item, levelsLeft - 1)) return true
  }
  return false
}
