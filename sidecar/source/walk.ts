import { walkPages } from './pages.ts'
import type { CallContext, KkiClient, KkiPage, PageQuery } from './types.ts'

/** The start of a walk, and its options. */
export interface WalkStart {
  query: Omit<PageQuery, 'cursor'>
  /** See `WalkOptions`. */
  firstPage: number
  maxPages: number
}

/**
 * A walk over KKI's list that may pause between two pages. The page that was requested ahead is kept, so that a resumed walk
 * requests no page twice.
 */
export class Walk {
  readonly #kki: KkiClient
  #pages: AsyncGenerator<KkiPage, void, void> | null = null
  #call: CallContext | null = null
  #profession: string | null = null
  #cursor: string | null = null

  constructor(kki: KkiClient) {
    this.#kki = kki
  }

  /** KKI's cursor after the page that was read last; null before the first page and after the last one. */
  get cursor(): string | null {
    return this.#cursor
  }

  /**
   * Moves to a place in the list. If the walk paused there, it resumes, and `start` is not called. Later requests have
   * the ids of `call`, except the one that was sent ahead.
   */
  async goTo(
    { profession, cursor, call }: { profession: string | null; cursor: string | null; call: CallContext },
    start: () => Promise<WalkStart>
  ): Promise<void> {
    if (this.#pages && cursor !== null && this.#cursor === cursor && this.#profession === profession) {
      Object.assign(this.#call as CallContext, call)
      return
    }
    await this.leave()
    const { query, firstPage, maxPages } = await start()
    const resume = { firstPage, maxPages, ...(cursor !== null && { startCursor: cursor }) }
    this.#call = { ...call }
    this.#pages = walkPages(this.#kki, query, this.#call, resume)
    this.#profession = profession
    this.#cursor = cursor
  }

  /** Returns the next page; null after the last one. @throws what `walkPages` throws */
  async next(): Promise<KkiPage | null> {
    const result = await this.#pages?.next()
    if (!result || result.done) return null
    this.#cursor = result.value.nextCursor
    return result.value
  }

  /** Ends the walk and waits for the end of the request that is ahead. */
  async leave(): Promise<void> {
    const pages = this.#pages
    this.#pages = null
    this.#cursor = null
    await pages?.return()
  }
}
