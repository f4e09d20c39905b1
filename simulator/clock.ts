import { SimulatorInputError } from './errors.ts'

/** KKI's clock: the real one, shifted. It never runs before `notBefore`, and never backwards. */
export class SimulatedClock {
  #offsetMs: number

  constructor(notBefore: number, behindSeconds = 0) {
    this.#offsetMs = Math.max(behindSeconds * -1000, notBefore - Date.now())
  }

  /** Returns the present in milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#offsetMs
  }

  advance(seconds: number): void {
    if (!Number.isFinite(seconds) || seconds < 0) throw new SimulatorInputError('advanceSeconds', 'must be 0 or more')
    this.#offsetMs += Math.round(seconds * 1000)
  }
}
