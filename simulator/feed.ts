import { type InjectedRecord, Overlay, type OverlayEntry } from './overlay.ts'
import { FIRST_STAMP, type Population } from './population.ts'
import { comparePositions, type Position } from './position.ts'
import type { Shape } from './shape/shape.ts'
import type { Translate } from './shape/words.ts'
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
  /** The positions of the last row and of the row before it; null if there is none. */
  last: Position | null
  lastButOne: Position | null
  /** Whether the list ends with this page. */
  isLast: boolean
}

/** Windows whose counts are kept: a fetch asks for the total of one window on every page. */
const KEPT_COUNTS = 32
/** Pages whose end is remembered, so that the one behind it is found without counting all rows before it. */
const KEPT_ENDS = 64

/** The list of KKI: generated and injected records in one order. */
export class Feed {
  readonly overlay: Overlay
  readonly #population: Population
  readonly #now: () => number
  readonly #professionOf: Translate
  readonly #counts = new Map<string, Counts>()
  readonly #ends = new Map<string, Position>()

  constructor(population: Population, shape: Shape, now: () => number) {
    this.overlay = new Overlay(shape.description.fields)
    this.#population = population
    this.#now = now
    this.#professionOf = shape.records.profession
  }

  /** Returns the next `limit` rows behind `after` (null: from the start of the window). */
  page(filters: Filters, after: Position | null, limit: number): FeedPage {
    const rows: string[] = []
    let last: Position | null = null
    let lastButOne: Position | null = null
    for (const { json, position } of this.#merged(filters, after)) {
      if (rows.length === limit) return { rows, last, lastButOne, isLast: false }
      rows.push(json)
      lastButOne = last
      last = position
    }
    return { rows, last, lastButOne, isLast: true }
  }

  /** Returns the next `limit` rows behind the first `offset` ones of the window. */
  pageAt(filters: Filters, offset: number, limit: number): FeedPage {
    const { since, until, professionCode } = filters
    const injected = this.overlay.visibleAt(this.#now(), professionCode).length
    // A new or deleted row moves all rows after it, so a remembered end is valid only for the same state.
    const state = `${since} ${until} ${professionCode} ${this.#population.days.length} ${this.overlay.version} ${injected}`
    const after = offset === 0 ? null : (this.#ends.get(`${state} ${offset}`) ?? this.#positionAt(filters, offset))
    if (after === undefined) return { rows: [], last: null, lastButOne: null, isLast: true }
    const page = this.page(filters, after, limit)
    const end = offset + page.rows.length
    // A page may begin with the last row of the one before it.
    if (page.lastButOne !== null) keep(this.#ends, `${state} ${end - 1}`, page.lastButOne, KEPT_ENDS)
    if (page.last !== null) keep(this.#ends, `${state} ${end}`, page.last, KEPT_ENDS)
    return page
  }

  /** Returns the position of the row with this number, counted from 1; undefined if there are fewer rows. */
  #positionAt(filters: Filters, count: number): Position | undefined {
    let seen = 0
    for (const { position } of this.#merged(filters, null)) if (++seen === count) return position
    return undefined
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
      if (professionCode !== undefined && !this.#professionsOf(index).has(professionCode)) continue
      const { json, str } = population.recordOf(index)
      yield { json, position: { stamp, str, id: '' } }
    }
  }

  /** The professions of one listed record, as the list writes them. */
  #professionsOf(index: number): Set<string> {
    const codes = new Set<string>()
    for (const registration of this.#population.registrationsOf(index)) {
      const written = this.#population.writtenProfessionOf(registration)
      if (written !== null) codes.add(this.#professionOf(written, registration))
    }
    return codes
  }

  #countGenerated(professionCode: string | undefined, since: number, until: number): number {
    // The connector asks for the unlimited list before each run, only to read the clock.
    if (professionCode === undefined && since <= FIRST_STAMP && until > this.#now()) return this.#population.listed
    const key = `${since} ${until} ${this.#population.days.length}`
    const { all, byProfession } = this.#counts.get(key) ?? this.#count(since, until)
    keep(this.#counts, key, { all, byProfession }, KEPT_COUNTS)
    return professionCode === undefined ? all : (byProfession.get(professionCode) ?? 0)
  }

  #count(since: number, until: number): Counts {
    const byProfession = new Map<string, number>()
    let all = 0
    for (const { index, stamp } of this.#population.walk(since)) {
      if (stamp >= until) break
      all++
      for (const code of this.#professionsOf(index)) byProfession.set(code, (byProfession.get(code) ?? 0) + 1)
    }
    return { all, byProfession }
  }
}

/** The listed records of one window. */
interface Counts {
  all: number
  byProfession: ReadonlyMap<string, number>
}

/** Sets an entry, and removes the oldest if there are more than `most`. */
function keep<T>(entries: Map<string, T>, key: string, value: T, most: number): void {
  entries.set(key, value)
  const [oldest] = entries.keys()
  if (entries.size > most && oldest !== undefined) entries.delete(oldest)
}

function positionOf({ stamp, str, id }: OverlayEntry): Position {
  return { stamp, str, id }
}
