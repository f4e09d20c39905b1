import { draw } from './draw.ts'

const rounds = [0, 1, 2, 3] as const
const backRounds = [3, 2, 1, 0] as const

/**
 * A shuffled order of the numbers from 0 to `size` - 1 that can be asked both ways without being stored: a Feistel
 * network over the next even number of bits, walked on until it lands below `size`.
 */
export class Permutation {
  readonly size: number
  readonly #key: number
  readonly #half: number
  readonly #mask: number

  constructor(key: number, size: number) {
    this.size = size
    this.#key = key
    this.#half = Math.max(1, Math.ceil(Math.log2(Math.max(size, 2)) / 2))
    this.#mask = 2 ** this.#half - 1
  }

  /** Returns the number at `place`. */
  forward(place: number): number {
    let x = this.#once(place)
    while (x >= this.size) x = this.#once(x)
    return x
  }

  /** Returns the place of `number`. */
  backward(number: number): number {
    let x = this.#undo(number)
    while (x >= this.size) x = this.#undo(x)
    return x
  }

  #once(x: number): number {
    let left = x >>> this.#half
    let right = x & this.#mask
    for (const round of rounds) {
      const next = left ^ (draw(this.#key, right, round) & this.#mask)
      left = right
      right = next
    }
    return ((left << this.#half) | right) >>> 0
  }

  #undo(x: number): number {
    let left = x >>> this.#half
    let right = x & this.#mask
    for (const round of backRounds) {
      const previous = right ^ (draw(this.#key, left, round) & this.#mask)
      right = left
      left = previous
    }
    return ((left << this.#half) | right) >>> 0
  }
}
