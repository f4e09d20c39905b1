/**
 * Returns the source text of each row of a page, `{"data": [...], ...}`, without reading the rows: a page of a thousand
 * need not be parsed once more for the few that are refused. The page is known to be valid JSON with such an array;
 * of two the last counts, as in `JSON.parse`.
 */
export function rowTexts(page: string): string[] {
  let rows: string[] = []
  for (const [key, start] of members(page)) {
    if (key !== 'data') continue
    rows = []
    for (let at = skipBlank(page, start + 1); at < page.length && page[at] !== ']'; at = next(page, at)) {
      rows.push(page.slice(at, endOfValue(page, at)))
    }
  }
  return rows
}

/** Yields the keys of the object that the text is, and where the value of each begins. */
function* members(text: string): Generator<[key: string, start: number]> {
  for (let at = skipBlank(text, text.indexOf('{') + 1); text[at] === '"'; ) {
    const keyEnd = endOfString(text, at)
    const start = skipBlank(text, skipBlank(text, keyEnd) + 1)
    yield [JSON.parse(text.slice(at, keyEnd)), start]
    at = next(text, start)
  }
}

/** The place of the value or key behind the value that begins at `start`, or of what closes the list. */
function next(text: string, start: number): number {
  const at = skipBlank(text, endOfValue(text, start))
  return text[at] === ',' ? skipBlank(text, at + 1) : at
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [...'"\\{}[]'].map(char =>
  char.charCodeAt(0)
)
const notBlank = /[^ \t\n\r]|$/g
const scalarEnd = /[,}\] \t\n\r]|$/g

const skipBlank = (text: string, from: number) => placeOf(notBlank, text, from)

function placeOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  return pattern.exec(text)?.index ?? text.length
}

/** The place behind the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end + 1
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0
  while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++
  return slashes % 2 === 1
}

/** The place behind the value that begins at `start`. */
function endOfValue(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === quote) return endOfString(text, start)
  if (first !== openBrace && first !== openBracket) return placeOf(scalarEnd, text, start)
  let depth = 1
  let at = start + 1
  for (; depth > 0 && at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === quote) at = endOfString(text, at) - 1
    else if (char === openBrace || char === openBracket) depth++
    else if (char === closeBrace || char === closeBracket) depth--
  }
  return at
}
