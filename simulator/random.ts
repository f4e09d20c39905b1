/** Returns an unsigned 32-bit number that looks unrelated to `value`; one to one over 32 bits. */
export function mix(value: number): number {
  let x = value
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}

/** Returns an unsigned 32-bit number that depends on all three; `salt` keeps the uses of one seed apart. */
export function hash(seed: number, salt: number, index: number): number {
  return mix(Math.imul(index, 0x9e3779b1) ^ mix(seed ^ Math.imul(salt, 0x85ebca6b)))
}

/** Returns `hash` as a share: at least 0, below 1. */
export function share(seed: number, salt: number, index: number): number {
  return hash(seed, salt, index) / 0x1_0000_0000
}

/** A short sequence of draws that depends on its start alone (splitmix32). */
export class Dice {
  #state: number

  constructor(seed: number, salt: number, index: number) {
    this.#state = hash(seed, salt, index)
  }

  /** Returns a whole number, at least 0 and below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit)
  }

  /** Returns true in the given share of draws. */
  chance(probability: number): boolean {
    return this.#next() < probability
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0]
  }

  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    return mix(this.#state) / 0x1_0000_0000
  }
}
