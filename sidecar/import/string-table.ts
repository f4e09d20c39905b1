/**
 * Texts by their number, in a few bytes more than their letters: a spreadsheet has each of its texts once in such a table,
 * and as many objects would take several times the memory.
 */
export class StringTable {
  #bytes = Buffer.allocUnsafeSlow(1 << 20)
  #ends = new Float64Array(1 << 14)
  #size = 0
  #count = 0

  get bytes(): number {
    return this.#size
  }

  add(text: string): void {
    const length = Buffer.byteLength(text)
    if (this.#size + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#size + length, 2 * this.#bytes.length))
      this.#bytes.copy(larger, 0, 0, this.#size)
      this.#bytes = larger
    }
    this.#bytes.write(text, this.#size)
    this.#size += length
    if (this.#count === this.#ends.length) {
      const larger = new Float64Array(2 * this.#count)
      larger.set(this.#ends)
      this.#ends = larger
    }
    this.#ends[this.#count++] = this.#size
  }

  /** Returns the text with this number, from 0; `undefined` where there is none. */
  at(index: number): string | undefined {
    if (!(index >= 0 && index < this.#count)) return undefined
    const start = index === 0 ? 0 : this.#ends[index - 1]
    return this.#bytes.toString('utf8', start, this.#ends[index])
  }
}
