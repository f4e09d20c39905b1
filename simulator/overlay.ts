import { type Position, comparePositions } from './position.ts'
import { canonicalForm } from './str-number.ts'

/** A record that a test or an operator put into the feed. */
export interface InjectedRecord {
  /** Replaces the record that was injected under the same id. */
  id: string
  /** Any JSON; what is no object is listed as it is. */
  record: unknown
  /** ISO instant of the simulated clock before which nobody sees the record: a late commit. */
  visibleFrom?: string
  /** ISO instant that places the record where `diubah_pada` cannot. */
  sortStamp?: string
}

export interface OverlayEntry extends Position {
  json: string
  professionCode: string | null
  visibleFrom: number
}

/** The injected records, in the order of the list. */
export class Overlay {
  readonly #entries = new Map<string, OverlayEntry>()
  #sorted: OverlayEntry[] | null = null

  /** Adds or replaces records. One that tells no stamp of its own stands at `now` (milliseconds since the epoch). */
  put(records: readonly InjectedRecord[], now: number): void {
    for (const { id, record, visibleFrom, sortStamp } of records) {
      const stamps = [Date.parse(sortStamp ?? ''), Date.parse(textField(record, 'diubah_pada') ?? '')]
      this.#entries.set(id, {
        id,
        stamp: stamps.find(Number.isFinite) ?? now,
        str: textField(record, 'nomor_str') ?? '',
        json: JSON.stringify(record),
        professionCode: textField(record, 'profesi'),
        visibleFrom: visibleFrom === undefined ? Number.NEGATIVE_INFINITY : Date.parse(visibleFrom)
      })
    }
    this.#sorted = null
  }

  /** Takes a record out; returns whether there was one. */
  delete(id: string): boolean {
    this.#sorted = null
    return this.#entries.delete(id)
  }

  /** Returns the records that can be seen at `now` in list order, those of one profession where `professionCode` is given. */
  visibleAt(now: number, professionCode: string | undefined): OverlayEntry[] {
    this.#sorted ??= [...this.#entries.values()].sort(comparePositions)
    return this.#sorted.filter(
      entry => entry.visibleFrom <= now && (professionCode === undefined || entry.professionCode === professionCode)
    )
  }

  /** Returns the visible records that carry an STR, in any spelling. */
  ofStr(str: string, now: number): OverlayEntry[] {
    const canonical = canonicalForm(str)
    return this.visibleAt(now, undefined).filter(entry => entry.str !== '' && canonicalForm(entry.str) === canonical)
  }
}

function textField(record: unknown, field: string): string | null {
  if (typeof record !== 'object' || record === null) return null
  const value: unknown = Object.getOwnPropertyDescriptor(record, field)?.value
  return typeof value === 'string' ? value : null
}
