import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

/** A value of one column of COPY's text format; `null` is SQL's null, bytes become bytea, objects JSON. */
export type CopyValue =
  | string
  | number
  | boolean
  | null
  | Buffer
  | readonly string[]
  | readonly number[]
  | readonly object[]

/**
 * Copies lines from `copyLine` into a table. Each chunk should contain about a thousand lines: one stream write per line
 * costs six times as much.
 */
export async function copyLines(
  client: pg.ClientBase,
  table: string,
  columns: readonly string[],
  chunks: Iterable<Buffer>
): Promise<void> {
  const stream = client.query(copyFrom(`copy ${table} (${columns.join(', ')}) from stdin`))
  await pipeline(chunks, stream)
}

/** Returns one line of COPY's text format, with its line end. */
export function copyLine(values: readonly CopyValue[]): string {
  let line = ''
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as CopyValue
    if (i > 0) line += '\t'
    if (value === null) line += '\\N'
    else if (typeof value === 'string') line += escapeText(value)
    else if (typeof value === 'number') line += value
    else if (typeof value === 'boolean') line += value ? 't' : 'f'
    else if (Buffer.isBuffer(value)) line += `\\\\x${value.toString('hex')}`
    else if (typeof value[0] === 'object') line += escapeText(JSON.stringify(value))
    else line += `{${value.join(',')}}`
  }
  return `${line}\n`
}

const special = /[\\\t\n\r]/
const specials = /[\\\t\n\r]/g
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escapeText(value: string): string {
  return special.test(value) ? value.replace(specials, char => escapes[char] as string) : value
}

/** Most bytes of a line for each of its UTF-16 units. */
const bytesPerUnit = 3
const firstSize = 64 * 1024

/** Collects lines of COPY's text format outside of the heap. */
export class CopyText {
  readonly #free: Buffer[] = []
  #bytes: Buffer = Buffer.alloc(0)
  #length = 0

  /** Adds one line. */
  add(values: readonly CopyValue[]): void {
    const line = copyLine(values)
    const needed = this.#length + line.length * bytesPerUnit
    if (needed > this.#bytes.length) this.#grow(needed)
    this.#length += this.#bytes.write(line, this.#length)
  }

  /** Returns the lines so far, and starts an empty list. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length)
    this.#bytes = this.#free.pop() ?? Buffer.alloc(0)
    this.#length = 0
    return taken
  }

  /**
   * Reuses the memory of stored lines for later ones. Otherwise it would grow until the garbage collector frees it, many
   * pages later.
   */
  giveBack(lines: Buffer): void {
    if (lines.buffer.byteLength > 0) this.#free.push(Buffer.from(lines.buffer))
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(firstSize, Math.ceil(needed * 1.25)))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
