import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

// `Buffer.toString` and most readers silently replace invalid bytes by U+FFFD.
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Bytes are not UTF-8. The message does not repeat them. */
export class NotUtf8 extends Error {
  readonly code = 'NOT_UTF8'

  constructor() {
    super('the bytes are not UTF-8')
  }
}

/** Returns the text of UTF-8 bytes, without a byte order mark at their start. @throws NotUtf8 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new NotUtf8()
  }
}

/** Returns the text of a UTF-8 file, without a byte order mark. @throws NotUtf8, and the errors of `readFile` */
export async function readTextFile(file: string): Promise<string> {
  return decodeUtf8(await readFile(file))
}

/** The same, for code that cannot wait. */
export function readTextFileSync(file: string): string {
  return decodeUtf8(readFileSync(file))
}

/** The reason why bytes cannot be read as text, without any part of the text. */
export type TextFault =
  | { code: 'notInEncoding' | 'isUtf8'; encoding: string }
  | { code: 'nul' }
  | { code: 'tooLong'; characters: number }

/** A stream of bytes cannot be read as text. */
export class TextUnreadable extends Error {
  readonly line: number
  /** `null` if the fault concerns the whole line. */
  readonly character: number | null
  readonly fault: TextFault

  constructor(line: number, character: number | null, fault: TextFault) {
    super(`line ${line}${character === null ? '' : `, character ${character}`} ${reasonOf(fault)}`)
    this.line = line
    this.character = character
    this.fault = fault
  }
}

function reasonOf(fault: TextFault): string {
  if (fault.code === 'tooLong') return `is longer than ${fault.characters} characters`
  if (fault.code === 'nul') return 'is the character NUL, which a text must not contain'
  return fault.code === 'isUtf8' ? `is UTF-8, and not ${fault.encoding}` : `is not ${fault.encoding}`
}

const lineFeed = 10
const lineBreak = /\r\n?|\n/g

/** A text file contains no NUL. It means UTF-16 without a byte order mark, or a file that was not fully written. */
const notInText = /\0/
/** Code pages decode their gaps to U+0080 to U+009F. No text contains those, so the bytes have another encoding. */
const notInCodePage = /[\0\u0080-\u009f]/

/**
 * Yields the text of a stream of bytes in pieces, decoded strictly. A byte order mark decides the encoding. Without one it
 * is `encoding`, a label of the WHATWG Encoding Standard, or UTF-8. Memory does not grow with the stream.
 * @throws TextUnreadable for an invalid byte; RangeError for an unknown label
 */
export async function* decodeText(
  source: AsyncIterable<Buffer>,
  encoding = 'utf-8'
): AsyncGenerator<string, void, void> {
  const place = new Place()
  let decode: ((bytes: Buffer | null) => string) | null = null
  let waiting: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk])
    // Three bytes decide whether there is a byte order mark.
    if (decode === null && waiting.length < 3) continue
    decode ??= decoderFor(markedEncoding(waiting) ?? encoding, place)
    yield decode(waiting)
    waiting = Buffer.alloc(0)
  }
  decode ??= decoderFor(markedEncoding(waiting) ?? encoding, place)
  yield decode(waiting) + decode(null)
}

function markedEncoding(start: Buffer): string | null {
  const mark = start.toString('hex', 0, 3)
  if (mark === 'efbbbf') return 'utf-8'
  if (mark.startsWith('fffe')) return 'utf-16le'
  return mark.startsWith('feff') ? 'utf-16be' : null
}

/** Returns a function that decodes the next bytes, and with `null` the remaining ones. It keeps `place` up to date. */
function decoderFor(label: string, place: Place): (bytes: Buffer | null) => string {
  const decoder = new TextDecoder(label, { fatal: true })
  const { encoding } = decoder
  const isUnicode = encoding.startsWith('utf-')
  const unfit = isUnicode ? notInText : notInCodePage
  const utf8Watch = isUnicode ? null : new Utf8Watch()
  const notInEncoding = { code: 'notInEncoding', encoding: encoding.toUpperCase() } as const

  function decodePiece(bytes: Buffer | undefined): string {
    let text: string
    try {
      text = decoder.decode(bytes, { stream: bytes !== undefined })
    } catch {
      const lossy = new TextDecoder(encoding).decode(bytes)
      place.advance(lossy.slice(0, Math.max(0, lossy.indexOf('\ufffd'))))
      throw place.unreadable(notInEncoding)
    }
    const at = text.search(unfit)
    if (at >= 0) {
      place.advance(text.slice(0, at))
      throw place.unreadable(text[at] === '\0' ? { code: 'nul' } : notInEncoding)
    }
    place.advance(text)
    return text
  }

  return bytes => {
    if (bytes === null) {
      const text = decodePiece(undefined)
      if (utf8Watch?.isUtf8) throw new TextUnreadable(utf8Watch.line, null, { ...notInEncoding, code: 'isUtf8' })
      return text
    }
    utf8Watch?.add(bytes, place.line)
    let text = ''
    // In pieces that end with a line, so that an invalid byte can be reported with its line.
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.indexOf(lineFeed, start) + 1 || bytes.length
      text += decodePiece(bytes.subarray(start, end))
      start = end
    }
    return text
  }
}

/** The decoder's position in the text. */
class Place {
  line = 1
  #character = 0
  #endsInReturn = false

  advance(text: string): void {
    if (text === '') return
    let breaks = 0
    let lineStart = -1
    for (const { index, 0: mark } of text.matchAll(lineBreak)) {
      breaks++
      lineStart = index + mark.length
    }
    // The second half of a line break that is already counted.
    if (this.#endsInReturn && text.startsWith('\n')) breaks--
    this.line += breaks
    this.#character = lineStart === -1 ? this.#character + text.length : text.length - lineStart
    this.#endsInReturn = text.endsWith('\r')
  }

  unreadable(fault: TextFault): TextUnreadable {
    return new TextUnreadable(this.line, this.#character + 1, fault)
  }
}

/**
 * Returns whether bytes declared as a code page are UTF-8. Decoded with the code page, such letters would become two
 * each.
 */
class Utf8Watch {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  #isBroken = false
  #line = 0

  get isUtf8(): boolean {
    return !this.#isBroken && this.#line > 0
  }

  /** The approximate place of the first character beyond ASCII. */
  get line(): number {
    return this.#line
  }

  add(bytes: Buffer, line: number): void {
    if (this.#isBroken) return
    try {
      const text = this.#decoder.decode(bytes, { stream: true })
      const at = this.#line === 0 ? text.search(/[^\0-\x7f]/) : -1
      if (at >= 0) this.#line = line + (text.slice(0, at).match(lineBreak)?.length ?? 0)
    } catch {
      this.#isBroken = true
    }
  }
}

/**
 * Yields the lines of a text without their ends: a line feed, with a carriage return before it if there is one. JSON may
 * contain U+2028 and other characters that `readline` treats as line ends.
 * @throws TextUnreadable for a line of more than `maxLength` characters
 */
export async function* splitLines(
  texts: AsyncIterable<string>,
  maxLength = Number.POSITIVE_INFINITY
): AsyncGenerator<string, void, void> {
  let number = 1
  let rest = ''
  const check = (line: string): string => {
    if (line.length > maxLength) throw new TextUnreadable(number, null, { code: 'tooLong', characters: maxLength })
    return line
  }
  for await (const text of texts) {
    const lines = text.split('\n')
    lines[0] = rest + lines[0]
    rest = lines.pop() as string
    for (const line of lines) {
      yield check(withoutReturn(line))
      number++
    }
    check(rest)
  }
  if (rest !== '') yield withoutReturn(rest)
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
