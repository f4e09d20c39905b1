import { type Static, Type } from 'typebox'
import { compileSource, type Read } from '../sidecar/transform/field-source.ts'
import type { Fields } from '../sidecar/transform/mapping.ts'
import { SimulatorInputError } from './errors.ts'
import { comparePositions, type Position } from './position.ts'
import { canonicalForm } from './str-number.ts'

/** A record that a test or an operator puts into the feed. */
export const InjectedRecord = Type.Object({
  id: Type.String({ minLength: 1, description: 'replaces the record that was injected under the same id' }),
  record: Type.Unknown({ description: 'any JSON; a value that is not an object is listed unchanged' }),
  visibleFrom: Type.Optional(
    Type.String({ format: 'date-time', description: 'simulated time before which nobody sees it: a late commit' })
  ),
  sortStamp: Type.Optional(
    Type.String({
      format: 'date-time',
      description: 'places the record where its own time of change cannot, which counts only as an ISO instant'
    })
  )
})

export type InjectedRecord = Static<typeof InjectedRecord>

export interface OverlayEntry extends Position {
  json: string
  professionCode: string | null
  visibleFrom: number
}

/** The injected records, in the order of the list. */
export class Overlay {
  readonly #entries = new Map<string, OverlayEntry>()
  readonly #strNumber: Read
  readonly #profession: Read
  readonly #changedAt: Read
  #sorted: OverlayEntry[] | null = null
  #version = 0

  /** The fields are those of the served description, because records have its form. */
  constructor({ strNumber, profession, changedAt }: Fields) {
    this.#strNumber = compileSource(strNumber)
    this.#profession = compileSource(profession)
    this.#changedAt = changedAt === undefined ? () => undefined : compileSource(changedAt)
  }

  /** A number that differs after each change. */
  get version(): number {
    return this.#version
  }

  /** Adds or replaces records. One without its own stamp gets `now` (milliseconds since the epoch). */
  put(records: readonly InjectedRecord[], now: number): void {
    for (const { id, record, visibleFrom, sortStamp } of records) {
      const ownStamp = Date.parse(textOf(this.#changedAt(record)) ?? '')
      const stamp = sortStamp === undefined ? ownStamp : instantOf('sortStamp', sortStamp)
      this.#entries.set(id, {
        id,
        stamp: Number.isFinite(stamp) ? stamp : now,
        str: textOf(this.#strNumber(record)) ?? '',
        json: JSON.stringify(record),
        professionCode: textOf(this.#profession(record)),
        visibleFrom: visibleFrom === undefined ? Number.NEGATIVE_INFINITY : instantOf('visibleFrom', visibleFrom)
      })
    }
    this.#changed()
  }

  /** Removes a record; returns true if it existed. */
  delete(id: string): boolean {
    this.#changed()
    return this.#entries.delete(id)
  }

  #changed(): void {
    this.#sorted = null
    this.#version++
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

function instantOf(field: string, text: string): number {
  const instant = Date.parse(text)
  if (!Number.isFinite(instant)) throw new SimulatorInputError(field, 'must be an ISO instant')
  return instant
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
