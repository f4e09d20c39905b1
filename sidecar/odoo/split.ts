import { OdooUnavailable } from './errors.ts'
import type { Range } from './jobs.ts'

/** How records are sent in parts. */
export interface Split<T> {
  /** Sends a part in one call. */
  tell(part: T): Promise<unknown>
  /** Returns the halves of a part; `null` if it is one record. */
  halve(part: T): [T, T] | null
  /** Makes a call without records. */
  probe(): Promise<unknown>
  /** Remembers a record that cannot be sent. */
  leaveOut(record: T, error: unknown): void
  /** Aborting it ends the sending with its reason. */
  signal: AbortSignal
}

/** Records over which Odoo may fail. More of them mean that Odoo itself has a fault, such as a full disk. */
const mostFailures = 20

/**
 * Sends records in one call. If that fails and a call without records does not, the cause is one of them: they are halved
 * until it is found. It is left out, and all others are sent.
 *
 * @throws what fails a call without records too; the reason of the signal
 */
export async function tellApart<T>(part: T, split: Split<T>): Promise<void> {
  let failures = 0
  const tell = async (some: T): Promise<void> => {
    try {
      await split.tell(some)
    } catch (error) {
      split.signal.throwIfAborted()
      await split.probe()
      const halves = split.halve(some)
      if (halves !== null) {
        for (const half of halves) await tell(half)
        return
      }
      if (error instanceof OdooUnavailable && ++failures > mostFailures) throw error
      split.leaveOut(some, error)
    }
  }
  await tell(part)
}

/** Returns the halves of a list; `null` if it has one element. */
export function halveList<T>(list: readonly T[]): [T[], T[]] | null {
  const middle = list.length >> 1
  return middle === 0 ? null : [list.slice(0, middle), list.slice(middle)]
}

/** Returns the halves of a range of ids; `null` if it has one id. */
export function halveRange<T extends Range>(range: T): [T, T] | null {
  const { from, to } = range
  const middle = Math.floor((from + to) / 2)
  return from >= to
    ? null
    : [
        { ...range, to: middle },
        { ...range, from: middle + 1 }
      ]
}
