import { readSync, writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { openNamelessFile } from '../platform/nameless-file.ts'

/** Texts that are read at once. Neighbours are used together, because spreadsheets number texts in the order of their use. */
const textsPerGroup = 16
/** UTF-16 units of texts that stay in memory. */
const mostKept = 2 << 20
const bufferBytes = 1 << 18
/** The length of each text in bytes precedes it. */
const lengthBytes = 4

/**
 * The table of a workbook's texts, by number, in a temporary file, because a column of names would fill the memory. Add all
 * texts before reading the first.
 */
export class StringTable {
  readonly #file: FileHandle
  #buffer = Buffer.allocUnsafeSlow(bufferBytes)
  #buffered = 0
  #written = 0
  #count = 0
  /** Where each group begins. */
  readonly #starts: number[] = []
  readonly #kept = new Map<number, string[]>()
  #keptLength = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /** The caller must close the table. */
  static async create(): Promise<StringTable> {
    return new StringTable(await openNamelessFile())
  }

  get bytes(): number {
    return this.#written + this.#buffered
  }

  add(text: string): void {
    const length = Buffer.byteLength(text)
    if (this.#buffered + lengthBytes + length > this.#buffer.length) this.#flush(lengthBytes + length)
    if (this.#count % textsPerGroup === 0) this.#starts.push(this.bytes)
    this.#buffered = this.#buffer.writeUInt32LE(length, this.#buffered)
    this.#buffered += this.#buffer.write(text, this.#buffered)
    this.#count++
  }

  /** Returns the text with this number, from 0; `undefined` if there is none. */
  at(index: number): string | undefined {
    if (!(index >= 0 && index < this.#count)) return undefined
    const group = Math.floor(index / textsPerGroup)
    const texts = this.#kept.get(group) ?? this.#read(group)
    return texts[index % textsPerGroup]
  }

  async close(): Promise<void> {
    this.#kept.clear()
    await this.#file.close()
  }

  #flush(needed: number): void {
    for (let done = 0; done < this.#buffered; ) {
      done += writeSync(this.#file.fd, this.#buffer, done, this.#buffered - done, this.#written + done)
    }
    this.#written += this.#buffered
    this.#buffered = 0
    if (needed > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(needed)
  }

  #read(group: number): string[] {
    if (this.#buffered > 0) this.#flush(0)
    const start = this.#starts[group] as number
    const bytes = Buffer.allocUnsafe((this.#starts[group + 1] ?? this.#written) - start)
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.#file.fd, bytes, done, bytes.length - done, start + done)
      if (read === 0) throw new Error('the temporary file of texts is shorter than it was')
      done += read
    }
    const texts: string[] = []
    for (let at = 0; at < bytes.length; ) {
      const end = at + lengthBytes + bytes.readUInt32LE(at)
      texts.push(bytes.toString('utf8', at + lengthBytes, end))
      at = end
    }
    this.#keep(group, texts)
    return texts
  }

  /** Keeps a group in memory, and drops the oldest ones. */
  #keep(group: number, texts: string[]): void {
    this.#kept.set(group, texts)
    this.#keptLength += lengthOf(texts)
    for (const [oldest, others] of this.#kept) {
      if (this.#keptLength <= mostKept || oldest === group) return
      this.#kept.delete(oldest)
      this.#keptLength -= lengthOf(others)
    }
  }
}

function lengthOf(texts: readonly string[]): number {
  // An empty text needs memory too.
  return texts.reduce((sum, text) => sum + text.length + 16, 0)
}
