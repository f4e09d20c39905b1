/** A random number generator with a seed (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** True in the given share of draws. */
  is(share: number): boolean {
    return this.next() < share
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  /** Picks from a list that starts with the most common item: the frequency falls with the rank, as for names. */
  pickCommon<T>(items: readonly T[]): T {
    let sums = sumsOf.get(items)
    if (sums === undefined) {
      let sum = 0
      sums = items.map((_, rank) => (sum += 1 / (rank + 4)))
      sumsOf.set(items, sums)
    }
    const drawn = this.next() * (sums.at(-1) as number)
    return items[sums.findIndex(sum => drawn < sum)] as T
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items]
    for (let at = shuffled.length - 1; at > 0; at--) {
      const other = this.below(at + 1)
      ;[shuffled[at], shuffled[other]] = [shuffled[other] as T, shuffled[at] as T]
    }
    return shuffled
  }
}

const sumsOf = new WeakMap<readonly unknown[], number[]>()
