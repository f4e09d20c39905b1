/** The items of a list in a JSON text, each read when it is asked for: many need never become objects. */
export class JsonList implements Iterable<unknown> {
  #json: Buffer
  /** Where each item begins and ends. */
  readonly #bounds: readonly number[]

  constructor(json: Buffer, bounds: readonly number[] = []) {
    this.#json = json
    this.#bounds = bounds
  }

  get length(): number {
    return this.#bounds.length / 2
  }

  /** The item as it was written. */
  bytes(index: number): Buffer {
    return this.#json.subarray(this.#startOf(index), this.#bounds[2 * index + 1])
  }

  text(index: number): string {
    return this.#json.toString('utf8', this.#startOf(index), this.#bounds[2 * index + 1])
  }

  /** @throws SyntaxError */
  value(index: number): unknown {
    return JSON.parse(this.text(index))
  }

  /** Lets go of the text: its items cannot be read any more. */
  forget(): void {
    this.#json = Buffer.alloc(0)
  }

  #startOf(index: number): number {
    const start = this.#bounds[2 * index]
    if (start === undefined) throw new RangeError(`a list of ${this.length} has no item ${index}`)
    return start
  }

  *[Symbol.iterator](): Generator<unknown, void, void> {
    for (let i = 0; i < this.length; i++) yield this.value(i)
  }
}

const [tab, lineFeed, carriageReturn, blank] = [9, 10, 13, 32]
const [quote, comma, colon, openBracket, backslash, closeBracket, openBrace, closeBrace] = Array.from(
  '",:[\\]{}',
  char => char.charCodeAt(0)
)

const byteOrderMark = Buffer.from('\u{feff}')

/**
 * Returns the items of the list at `key` of the object that the JSON text (UTF-8) is, and the rest of the text, in which
 * that list is empty. A byte order mark, which `JSON.parse` would stumble over, is no part of either. Where there is no such list, all is the rest; of two the last counts, as in `JSON.parse`.
 * @throws SyntaxError where texts or brackets have no end; whether an item is valid shows when it is read
 */
export function cutList(json: Buffer, key: string): { list: JsonList; rest: string } {
  const bounds: number[] = []
  const begin = byteOrderMark.equals(json.subarray(0, byteOrderMark.length)) ? byteOrderMark.length : 0
  let listStart = begin
  let listEnd = begin
  let at = skipBlank(json, begin)
  if (json[at] === openBrace) at = skipBlank(json, at + 1)
  while (json[at] === quote) {
    const keyEnd = endOfText(json, at)
    const start = skipBlank(json, skipBlank(json, keyEnd) + 1)
    if (json[start] === openBracket && JSON.parse(json.toString('utf8', at, keyEnd)) === key) {
      bounds.length = 0
      listStart = start + 1
      listEnd = cutItems(json, listStart, bounds)
      at = listEnd + 1
    } else at = endOfValue(json, start)
    at = skipBlank(json, at)
    if (json[at] === comma) at = skipBlank(json, at + 1)
  }
  const rest = json.toString('utf8', begin, listStart) + json.toString('utf8', listEnd)
  return { list: new JsonList(json, bounds), rest }
}

/** Adds where each item begins and ends, and returns the place of the list's closing bracket. */
function cutItems(json: Buffer, start: number, bounds: number[]): number {
  let at = skipBlank(json, start)
  if (json[at] === closeBracket) return at
  for (;;) {
    const end = endOfValue(json, at)
    bounds.push(at, end)
    at = skipBlank(json, end)
    if (json[at] === closeBracket) return at
    if (json[at] !== comma) throw new SyntaxError('a list in a JSON text is not closed')
    at = skipBlank(json, at + 1)
  }
}

function skipBlank(json: Buffer, from: number): number {
  let at = from
  while (isBlank(json[at])) at++
  return at
}

function isBlank(byte: number | undefined): boolean {
  return byte === blank || byte === lineFeed || byte === tab || byte === carriageReturn
}

/** The place behind the text that begins at `start`. */
function endOfText(json: Buffer, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    const byte = json[at]
    if (byte === quote) return at + 1
    if (byte === backslash) at++
  }
  throw new SyntaxError('a text in a JSON text is not closed')
}

/** The place behind the value that begins at `start`; never `start` itself. */
function endOfValue(json: Buffer, start: number): number {
  let depth = 0
  for (let at = start; at < json.length; at++) {
    const byte = json[at]
    if (byte === quote) at = endOfText(json, at) - 1
    else if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) depth--
    else if (depth > 0 || !endsScalar(json[at + 1])) continue
    if (depth === 0) return at + 1
    if (depth < 0) break
  }
  throw new SyntaxError('a value in a JSON text is missing or not closed')
}

function endsScalar(byte: number | undefined): boolean {
  return (
    byte === undefined ||
    byte === comma ||
    byte === closeBrace ||
    byte === closeBracket ||
    byte === colon ||
    isBlank(byte)
  )
}
