import { walkPages } from './pages.ts'
import type { CallContext, KkiClient, KkiPage, PageQuery } from './types.ts'

/** Where a walk begins, and how it asks. */
export interface WalkStart {
  query: Omit<PageQuery, 'cursor'>
  /** See `WalkOptions`. */
  firstPage: number
  maxPages: number
}

/**
 * A walk over KKI's list that may pause between two pages: the page that was asked for ahead is kept, so that whoever goes
 * on from there asks for no page twice.
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

  /** KKI's cursor behind the last page; null before the first page, and after the last one. */
  get cursor(): string | null {
    return this.#cursor
  }

  /**
   * Goes to a place of the list: where it paused there, it goes on, and `start` is not asked. Pages are asked for under the
   * ids of `call` from then on, but for the one that was asked for ahead.
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

  /** Ends it; waits until the request that is ahead has ended. */
  async leave(): Promise<void> {
    const pages = this.#pages
    this.#pages = null
    this.#cursor = null
    await pages?.return()
  }
}
