import { hash, mix } from './random.ts'

const ROUNDS = 4

/**
 * A shuffle of the numbers 0 to `size` - 1 that holds no table: a Feistel network over as many bits as `size` needs,
 * walked until it lands inside, which takes two steps at most on average. `size` is at most 2^30.
 */
export class Permutation {
  readonly size: number
  /** Bits of the lower half; the upper half has as many or one more. */
  readonly #bits: number
  readonly #lowMask: number
  readonly #highMask: number
  readonly #keys: Int32Array

  constructor(seed: number, salt: number, size: number) {
    this.size = size
    const bits = Math.max(2, Math.ceil(Math.log2(Math.max(size, 2))))
    this.#bits = bits >> 1
    this.#lowMask = (1 << this.#bits) - 1
    this.#highMask = (1 << (bits - this.#bits)) - 1
    this.#keys = Int32Array.from({ length: ROUNDS }, (_, round) => hash(seed, salt, round))
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
    let high = value >>> this.#bits
    let low = value & this.#lowMask
    for (let round = 0; round < ROUNDS; round += 2) {
      high ^= mix(low ^ this.#key(round)) & this.#highMask
      low ^= mix(high ^ this.#key(round + 1)) & this.#lowMask
    }
    return (high << this.#bits) | low
  }

  #backward(value: number): number {
    let high = value >>> this.#bits
    let low = value & this.#lowMask
    for (let round = ROUNDS - 2; round >= 0; round -= 2) {
      low ^= mix(high ^ this.#key(round + 1)) & this.#lowMask
      high ^= mix(low ^ this.#key(round)) & this.#highMask
    }
    return (high << this.#bits) | low
  }

  #key(round: number): number {
    return this.#keys[round] ?? 0
  }
}
