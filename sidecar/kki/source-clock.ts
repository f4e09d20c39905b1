/** After this long an answer's time is asked for again: the monotonic clock may stand still while a machine sleeps. */
const maxAgeMs = 5 * 60_000

/** KKI's clock as its last `Date` header told, advanced by this machine's monotonic clock. */
export class SourceClock {
  #date: number | null = null
  #readAt = 0

  /** Takes a `Date` header, in milliseconds since the epoch, that has just arrived. */
  set(date: number): void {
    this.#date = date
    this.#readAt = performance.now()
  }

  /** Returns KKI's time in milliseconds since the epoch, or `null` where none is known or the last is over 5 minutes old. */
  now(): number | null {
    const age = performance.now() - this.#readAt
    return this.#date === null || age > maxAgeMs ? null : Math.floor(this.#date + age)
  }
}
