import { type InjectedRecord, Overlay, type OverlayEntry } from './overlay.ts'
import type { Population } from './population.ts'
import { comparePositions, type Position } from './position.ts'
import { canonicalForm } from './str-number.ts'

/** A window of the list; stamps in milliseconds since the epoch, `since` inclusive and `until` exclusive. */
export interface Filters {
  professionCode?: string
  since: number
  until: number
}

export interface FeedPage {
  /** JSON texts. */
  rows: string[]
  /** Where the last row stands; null where the list ends with this page. */
  last: Position | null
}

/** Windows whose counts are kept: a fetch asks for the total of one window on every page. */
const KEPT_COUNTS = 32

/** The list that KKI shows: generated and injected records as one, in order. */
export class Feed {
  readonly overlay = new Overlay()
  readonly #population: Population
  readonly #now: () => number
  readonly #counts = new Map<string, Map<string | null, number>>()

  constructor(population: Population, now: () => number) {
    this.#population = population
    this.#now = now
  }

  /** Returns the next `limit` rows behind `after` (null: from the start of the window). */
  page(filters: Filters, after: Position | null, limit: number): FeedPage {
    const rows: string[] = []
    let last: Position | null = null
    for (const { json, position } of this.#merged(filters, after)) {
      if (rows.length === limit) return { rows, last }
      rows.push(json)
      last = position
    }
    return { rows, last: null }
  }

  /** Returns how many rows a window has now. */
  total({ professionCode, since, until }: Filters): number {
    const injected = this.overlay.visibleAt(this.#now(), professionCode)
    const inWindow = injected.filter(({ stamp }) => stamp >= since && stamp < until).length
    return inWindow + this.#countGenerated(professionCode, since, until)
  }

  /** Returns the JSON texts of all visible records that carry an STR, in any spelling. */
  ofStr(str: string): string[] {
    if (canonicalForm(str) === '') return []
    const generated = this.#population.indicesOfStr(str).map(index => this.#population.recordOf(index).json)
    return [...generated, ...this.overlay.ofStr(str, this.#now()).map(({ json }) => json)]
  }

  put(records: readonly InjectedRecord[]): void {
    this.overlay.put(records, this.#now())
  }

  *#merged(filters: Filters, after: Position | null): Generator<{ json: string; position: Position }> {
    const { since, until } = filters
    const isWanted = (position: Position) =>
      position.stamp >= since && position.stamp < until && (after === null || comparePositions(position, after) > 0)
    const injected = this.overlay.visibleAt(this.#now(), filters.professionCode).filter(isWanted)
    const generated = this.#generated(filters, Math.max(since, after?.stamp ?? since))
    let place = 0
    const listed = (entry: OverlayEntry) => ({ json: entry.json, position: positionOf(entry) })
    for (const row of generated) {
      if (!isWanted(row.position)) continue
      for (let next = injected[place]; next !== undefined; next = injected[place]) {
        if (comparePositions(next, row.position) > 0) break
        yield listed(next)
        place++
      }
      yield row
    }
    for (const next of injected.slice(place)) yield listed(next)
  }

  *#generated({ professionCode, until }: Filters, from: number): Generator<{ json: string; position: Position }> {
    const population = this.#population
    for (const { index, stamp } of population.walk(from)) {
      if (stamp >= until) return
      if (professionCode !== undefined && population.writtenProfessionOf(index) !== professionCode) continue
      const { json, str } = population.recordOf(index)
      yield { json, position: { stamp, str, id: '' } }
    }
  }

  #countGenerated(professionCode: string | undefined, since: number, until: number): number {
    const isWhole = since === Number.NEGATIVE_INFINITY && until === Number.POSITIVE_INFINITY
    if (isWhole && professionCode === undefined) return this.#population.rows
    const key = `${since} ${until} ${this.#population.days.length}`
    let counts = this.#counts.get(key)
    if (counts === undefined) {
      counts = this.#countByProfession(since, until)
      this.#counts.set(key, counts)
      const [oldest] = this.#counts.keys()
      if (this.#counts.size > KEPT_COUNTS && oldest !== undefined) this.#counts.delete(oldest)
    }
    if (professionCode !== undefined) return counts.get(professionCode) ?? 0
    return counts.values().reduce((sum, count) => sum + count, 0)
  }

  #countByProfession(since: number, until: number): Map<string | null, number> {
    const counts = new Map<string | null, number>()
    for (const { index, stamp } of this.#population.walk(since)) {
      if (stamp >= until) break
      const code = this.#population.writtenProfessionOf(index)
      counts.set(code, (counts.get(code) ?? 0) + 1)
    }
    return counts
  }
}

function positionOf({ stamp, str, id }: OverlayEntry): Position {
  return { stamp, str, id }
}
