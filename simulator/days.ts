import { SimulatorInputError } from './errors.ts'
import type { Kind } from './kinds.ts'
import type { Layout } from './layout.ts'
import { Permutation } from './permutation.ts'
import { share } from './random.ts'
import { MAX_RENEWALS } from './str-number.ts'

const SALT = { order: 41, stamp: 42, change: 43 }
/** Changes of a day fall into its first 23 hours, so that a fetch right after it, less its settling time, sees all. */
const ACTIVE_MS = 23 * 3_600_000
export const DAY_MS = 24 * 3_600_000

/** The changes of a record so far. */
export interface Changes {
  /** KKI's status word, if a day has set one. */
  status: string | null
  /** Counts of new values for each of these; 0 means the first value. */
  titles: number
  province: number
  institution: number
  validity: number
  renewals: number
  spelling: number
}

type Change =
  | 'titles'
  | 'province'
  | 'institution'
  | 'validity'
  | 'renewals'
  | 'spelling'
  | 'none'
  | 'ending'
  | 'return'

/**
 * The changes of a day, in shares of its records. Deactivations, renewals and spellings stay below the limits that hold a
 * batch for a person: an ordinary day needs no decision.
 */
const MIX: readonly (readonly [Change, number])[] = [
  ['titles', 0.25],
  ['province', 0.2],
  ['institution', 0.2],
  ['validity', 0.2],
  ['none', 0.1],
  ['ending', 0.02],
  ['renewals', 0.02],
  ['spelling', 0.01]
]
const ENDINGS = ['DICABUT', 'DIBEKUKAN', 'TIDAK_AKTIF', 'MENINGGAL'] as const

/** One day and the records that changed in it, found by a shuffle instead of a list. */
interface Day {
  start: number
  count: number
  /** Milliseconds between two stamps. */
  step: number
  order: Permutation
}

/** The days that a feed has seen after day 0, oldest first. Only ordinary records change; pairs keep their order. */
export class Days {
  readonly #days: Day[] = []
  readonly #layout: Layout
  readonly #seed: number

  constructor(layout: Layout, seed: number) {
    this.#layout = layout
    this.#seed = seed
  }

  get length(): number {
    return this.#days.length
  }

  /**
   * Adds a day and returns how many records change in it: the share of all records, as far as so many may change.
   *
   * @param start milliseconds since the epoch; not before the end of the day before.
   */
  add(start: number, changedShare: number): number {
    if (!(changedShare >= 0 && changedShare <= 1)) throw new SimulatorInputError('changedShare', 'must be from 0 to 1')
    const count = Math.min(Math.round(changedShare * this.#layout.rows), this.#layout.eligible)
    const order = new Permutation(this.#seed, SALT.order + 100 * (this.#days.length + 1), this.#layout.eligible)
    this.#days.push({ start, count, step: ACTIVE_MS / Math.max(count, 1), order })
    return count
  }

  /** Returns the last day, counted from 0, that changed a record; -1 if none did. */
  lastOf(index: number): number {
    return this.#days.length === 0 ? -1 : this.#lastOfNumber(this.#layout.eligibleNumberOf(index))
  }

  /** Returns the stamp of a record's last change, in milliseconds since the epoch; null if no day changed it. */
  stampOf(index: number): number | null {
    if (this.#days.length === 0) return null
    const number = this.#layout.eligibleNumberOf(index)
    const last = this.#lastOfNumber(number)
    const day = this.#days[last]
    return day === undefined ? null : this.#stampIn(day, last, day.order.invert(number))
  }

  /** Yields the records whose last change was in a day, oldest first. */
  *recordsOf(day: number, since: number): Generator<{ index: number; stamp: number }> {
    const { count, step, start, order } = this.#days[day] ?? { count: 0, step: 1, start: 0, order: null }
    if (order === null) return
    for (let place = Math.max(0, Math.floor((since - start) / step) - 1); place < count; place++) {
      const stamp = this.#stampIn({ start, step }, day, place)
      if (stamp < since) continue
      const number = order.apply(place)
      if (this.#lastOfNumber(number) === day) yield { index: this.#layout.eligibleAt(number), stamp }
    }
  }

  /** Returns the changes of a record of this kind so far; null for none. */
  changesOf(index: number, kind: Kind): Changes | null {
    if (this.#days.length === 0) return null
    const number = this.#layout.eligibleNumberOf(index)
    if (this.#lastOfNumber(number) < 0) return null
    const changes: Changes = {
      status: null,
      titles: 0,
      province: 0,
      institution: 0,
      validity: 0,
      renewals: 0,
      spelling: 0
    }
    this.#days.forEach((_, day) => {
      if (this.#isChangedIn(day, number)) this.#change(changes, index, day, kind)
    })
    return changes
  }

  #change(changes: Changes, index: number, day: number, kind: Kind): void {
    const drawn = share(this.#seed, SALT.change + 100 * (day + 1), index)
    const change = changeOf(drawn, kind, changes)
    if (change === 'ending') changes.status = ENDINGS[Math.floor(drawn * 1e6) % ENDINGS.length] ?? 'DICABUT'
    else if (change === 'return') changes.status = 'AKTIF'
    else if (change !== 'none') changes[change]++
  }

  #lastOfNumber(number: number): number {
    if (number < 0) return -1
    for (let day = this.#days.length - 1; day >= 0; day--) if (this.#isChangedIn(day, number)) return day
    return -1
  }

  #isChangedIn(day: number, number: number): boolean {
    const { order, count } = this.#days[day] ?? {}
    return order !== undefined && count !== undefined && order.invert(number) < count
  }

  #stampIn({ start, step }: Pick<Day, 'start' | 'step'>, day: number, place: number): number {
    const base = Math.floor(place * step)
    const gap = Math.floor((place + 1) * step) - base
    return start + base + Math.floor(share(this.#seed, SALT.stamp + 100 * (day + 1), place) * gap)
  }
}

function changeOf(drawn: number, kind: Kind, { status, renewals }: Changes): Change {
  const hasEnded = status === null ? kind === 'ended' : status !== 'AKTIF'
  if (hasEnded && drawn < 0.3 && status !== 'MENINGGAL') return 'return'
  let rest = drawn
  for (const [change, weight] of MIX) {
    rest -= weight
    if (rest >= 0) continue
    // A person without a NIK cannot be recognised under a new STR.
    const isPossible = change !== 'renewals' || (kind === 'ordinary' && renewals < MAX_RENEWALS && !hasEnded)
    return isPossible ? change : 'titles'
  }
  return 'none'
}
