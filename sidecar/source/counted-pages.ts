import { counted } from '../platform/plural.ts'
import { KkiCursorRepeated, KkiListMoved, KkiTooManyPages } from './errors.ts'
import type { WalkOptions } from './pages.ts'
import { readCounted, type Spot, strangeCursor, writeCounted } from './paging.ts'
import type { CallContext, Counting, KkiClient, KkiPage, PageQuery } from './types.ts'

/**
 * Yields counted pages in order. When a row moves to another place in the list, all rows behind it move forward, and the
 * first row of the next page would be skipped. So a page is accepted only if it joins the previous one: the row that was
 * read last is right before it. Otherwise the walk resumes at the page that now contains this row.
 *
 * Counted by rows, a page is requested from that row on. Counted by pages, the previous page is requested again after the
 * page itself. It throws what `walkPages` throws.
 */
export async function* walkCounted(
  client: KkiClient,
  counting: Counting,
  query: Omit<PageQuery, 'cursor'>,
  context: CallContext,
  { maxPages, startCursor, firstPage = 1 }: WalkOptions
): AsyncGenerator<KkiPage, void, void> {
  const reader = new CountedReader(client, counting, query, context)
  let spot: Spot =
    startCursor === undefined ? { at: counting.first, last: null } : resumeAt(startCursor, counting, query)
  try {
    for (let number = firstPage; ; number++) {
      const page = await reader.read(spot, number)
      const next = nextSpot(counting, spot, page)
      if (next !== null) reader.askAhead(next, number + 1, maxPages)
      yield { ...page, nextCursor: next && writeCounted(next, query.limit) }
      page.release()
      if (next === null) return
      if (number >= maxPages) {
        throw new KkiTooManyPages(`the walk has more than the ${counted(maxPages, 'page')} allowed`, { page: number })
      }
      spot = next
    }
  } finally {
    await reader.close()
  }
}

/** The position of a stored cursor. With another page size, the same page number is another place in the list. */
function resumeAt(cursor: string, { by }: Counting, { limit }: Pick<PageQuery, 'limit'>): Spot {
  const { limit: size, ...spot } = readCounted(cursor)
  if (by === 'pages' && size !== null && size !== limit) throw strangeCursor()
  return spot
}

/** Returns the position after a page; `null` after the last one. */
function nextSpot({ by }: Counting, { last }: Spot, { keys, nextCursor }: KkiPage): Spot | null {
  if (nextCursor === null) return null
  // If only the repeated row came, the list ends, or the source sends one row at a time.
  const isOnlyLast = by === 'rows' && last !== null && keys.indexOf(last) === keys.length - 1
  return { at: readCounted(nextCursor).at, last: isOnlyLast ? null : (keys.at(-1) ?? null) }
}

/** A requested page. */
interface Asked {
  place: number
  isOverlapped: boolean
  page: Promise<KkiPage>
  /** The previous page, requested after this one; `null` if that is not needed. */
  before: Promise<KkiPage> | null
  /** Ends both requests; received pages release their memory. */
  drop(): void
}

class CountedReader {
  readonly #client: KkiClient
  readonly #counting: Counting
  readonly #query: Omit<PageQuery, 'cursor'>
  readonly #context: CallContext
  readonly #signal: AbortSignal
  readonly #leaving = new AbortController()
  readonly #pending = new Set<Promise<unknown>>()
  readonly #seen = new Set<string>()
  #ahead: Asked[] = []
  /** Records of the largest page so far, and of the last one. */
  #largest = 0
  #received = 0
  #isFull = false

  constructor(client: KkiClient, counting: Counting, query: Omit<PageQuery, 'cursor'>, context: CallContext) {
    this.#client = client
    this.#counting = counting
    this.#query = query
    this.#context = context
    this.#signal = AbortSignal.any([context.signal, this.#leaving.signal])
  }

  /** Returns the page after a position, or the page that contains the row that was read last. */
  async read(spot: Spot, number: number): Promise<KkiPage> {
    const asked = this.#take(spot, number)
    const page = await asked.page
    this.#refuseRepeated(page, spot, number)
    if (await this.#joins(spot, page, asked)) return this.#accept(page)
    page.release()
    return this.#accept(await this.#findAgain(spot, number))
  }

  /** Requests the page after a position, and further ones if they are likely to exist. */
  askAhead(spot: Spot, number: number, maxPages: number): void {
    const { by, atOnce } = this.#counting
    const step = by === 'pages' ? 1 : this.#received - 1
    // A short page is probably the last.
    const count = spot.last !== null && this.#isFull && step > 0 ? atOnce : 1
    const first = this.#placeOf(spot)
    for (let i = 0; i < count && number + i <= maxPages; i++) {
      const place = first + i * step
      if (this.#isAhead(i, place, spot)) continue
      this.#dropAhead(i)
      this.#ahead.push(this.#ask(place, spot, number + i))
    }
  }

  /** Ends all requests, and waits for their end. */
  async close(): Promise<void> {
    this.#leaving.abort()
    this.#dropAhead(0)
    await Promise.allSettled(this.#pending)
  }

  #take(spot: Spot, number: number): Asked {
    const place = this.#placeOf(spot)
    if (this.#isAhead(0, place, spot)) return this.#ahead.shift() as Asked
    this.#dropAhead(0)
    return this.#ask(place, spot, number)
  }

  #isAhead(index: number, place: number, spot: Spot): boolean {
    const asked = this.#ahead[index]
    return asked?.place === place && asked.isOverlapped === this.#isOverlapped(spot)
  }

  #dropAhead(from: number): void {
    for (const asked of this.#ahead.splice(from)) asked.drop()
  }

  #isOverlapped({ last }: Spot): boolean {
    return this.#counting.by === 'rows' && last !== null
  }

  #placeOf(spot: Spot): number {
    return this.#isOverlapped(spot) ? spot.at - 1 : spot.at
  }

  #ask(place: number, spot: Spot, number: number): Asked {
    const dropping = new AbortController()
    const signal = AbortSignal.any([this.#signal, dropping.signal])
    const isOverlapped = this.#isOverlapped(spot)
    const page = this.#fetch(place, number, { signal, isOverlapped })
    const isAskedBefore = this.#counting.by === 'pages' && spot.last !== null
    const before = isAskedBefore ? page.then(() => this.#fetch(place - 1, number - 1, { signal })) : null
    before?.catch(() => {})
    return {
      place,
      isOverlapped,
      page,
      before,
      drop() {
        dropping.abort()
        for (const asked of [page, before]) asked?.then(({ release }) => release()).catch(() => {})
      }
    }
  }

  #fetch(
    place: number,
    number: number,
    { signal = this.#signal, isOverlapped = false }: { signal?: AbortSignal; isOverlapped?: boolean } = {}
  ): Promise<KkiPage> {
    const cursor = writeCounted({ at: place, last: null }, this.#query.limit)
    const query = { ...this.#query, cursor, ...(isOverlapped && { isOverlapped }) }
    const pending = this.#client.fetchPage(query, { ...this.#context, signal, page: number })
    this.#pending.add(pending)
    // The error is handled when the page is awaited; until then it must not count as an unhandled rejection.
    pending.catch(() => {}).finally(() => this.#pending.delete(pending))
    return pending
  }

  /** Returns whether the row that was read last is right before the new ones. */
  async #joins({ last }: Spot, { keys }: KkiPage, { before }: Asked): Promise<boolean> {
    if (last === null) return true
    if (before === null) return keys[0] === last
    const { keys: keysBefore, release } = await before
    release()
    // A row that was inserted meanwhile moves others back, onto this page.
    return keysBefore.at(-1) === last || keys.includes(last)
  }

  /** Searches the row that was read last, at its expected place and one page before. */
  async #findAgain(spot: Spot, number: number): Promise<KkiPage> {
    const last = spot.last as string
    const { by, first } = this.#counting
    const here = await this.#fetch(this.#placeOf(spot), number)
    if (here.keys.includes(last)) return here
    const back = by === 'pages' ? 1 : Math.max(this.#largest, here.received) || this.#query.limit
    const earlier = await this.#fetch(Math.max(first, spot.at - back), number)
    const index = earlier.keys.indexOf(last)
    const isLastOfIt = index >= 0 && index === earlier.keys.length - 1
    if (isLastOfIt && (by === 'pages' || here.received === 0)) {
      earlier.release()
      return here
    }
    here.release()
    if (index >= 0 && !isLastOfIt) return earlier
    earlier.release()
    throw new KkiListMoved('rows moved by more than a page while the list was read, so rows could be skipped', {
      page: number
    })
  }

  #refuseRepeated({ fingerprint, received, keys }: KkiPage, { last }: Spot, number: number): void {
    const isOnlyLast = received === 1 && keys[0] === last
    if (fingerprint === null || isOnlyLast || !this.#seen.has(fingerprint)) return
    throw new KkiCursorRepeated('KKI sent the rows of an earlier page again; the walk would never end', {
      page: number
    })
  }

  #accept(page: KkiPage): KkiPage {
    const { fingerprint, received } = page
    if (fingerprint !== null) this.#seen.add(fingerprint)
    this.#isFull = received >= this.#query.limit || received === this.#largest
    this.#largest = Math.max(this.#largest, received)
    this.#received = received
    return page
  }
}
