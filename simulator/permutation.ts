import { hash, mix } from './random.ts'

const ROUNDS = 4

/**
 * A shuffle of the numbers 0 to `size` - 1 that holds no table: a Feistel network over the next even number of bits,
 * walked until it lands inside. `size` is at most 2^30.
 */
export class Permutation {
  readonly size: number
  readonly #half: number
  readonly #mask: number
  readonly #keys: readonly number[]

  constructor(seed: number, salt: number, size: number) {
    this.size = size
    this.#half = Math.max(1, Math.ceil(Math.log2(Math.max(size, 2)) / 2))
    this.#mask = (1 << this.#half) - 1
    this.#keys = Array.from({ length: ROUNDS }, (_, round) => hash(seed, salt, round))
  }

  /** Returns where `value` goes; both at least 0 and below `size`. */
  apply(value: number): number {
    let result = value
    do result = this.#forward(result)
    while (result >= this.size)
    return result
  }

  /** Returns the value that `apply` sends to `result`. */
  invert(result: number): number {
    let value = result
    do value = this.#backward(value)
    while (value >= this.size)
    return value
  }

  #forward(value: number): number {
    let left = value >>> this.#half
    let right = value & this.#mask
    for (const key of this.#keys) [left, right] = [right, left ^ (mix(right ^ key) & this.#mask)]
    return (left << this.#half) | right
  }

  #backward(value: number): number {
    let left = value >>> this.#half
    let right = value & this.#mask
    for (let round = ROUNDS - 1; round >= 0; round--) {
      ;[left, right] = [right ^ (mix(left ^ (this.#keys[round] ?? 0)) & this.#mask), left]
    }
    return (left << this.#half) | right
  }
}
