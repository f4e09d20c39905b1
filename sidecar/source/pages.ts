import { counted } from '../platform/plural.ts'
import { walkCounted } from './counted-pages.ts'
import { KkiCursorRepeated, KkiTooManyPages } from './errors.ts'
import type { CallContext, KkiClient, KkiPage, PageQuery } from './types.ts'

export interface WalkOptions {
  /** Pages of the whole walk, those before `firstPage` included. */
  maxPages: number
  /** Where an interrupted walk goes on; absent starts at the first page. */
  startCursor?: string
  /** Number of the first page that is asked for: 1, or one more than the pages that an interrupted walk took. */
  firstPage?: number
}

/**
 * Yields the pages of `query` in order, always asking for one page more than the caller has taken; where pages are counted,
 * for as many more as the description allows.
 *
 * A page may be used until the next one is asked for: then its memory is given back.
 *
 * Leaving the loop early aborts the request that is ahead, and waits for its end.
 * @throws KkiCursorRepeated instead of the page that names a cursor a second time, or repeats an earlier one; KkiListMoved
 *   where counted pages do not join; KkiTooManyPages after the last allowed page; whatever `fetchPage` throws, when its page is due.
 */
export async function* walkPages(
  client: KkiClient,
  query: Omit<PageQuery, 'cursor'>,
  context: CallContext,
  options: WalkOptions
): AsyncGenerator<KkiPage, void, void> {
  if (client.counting !== null) {
    yield* walkCounted(client, client.counting, query, context, options)
    return
  }
  const { maxPages, startCursor, firstPage = 1 } = options
  const leaving = new AbortController()
  const signal = AbortSignal.any([context.signal, leaving.signal])
  const asked = new Set<string>()

  const ask = (cursor: string | undefined, page: number): Promise<KkiPage> => {
    if (cursor !== undefined) asked.add(cursor)
    const pending = client.fetchPage(cursor === undefined ? query : { ...query, cursor }, { ...context, signal, page })
    // Its error belongs to the turn that awaits it; until then nobody does, which must not count as unhandled.
    pending.catch(() => {})
    return pending
  }

  let ahead: Promise<KkiPage> | null = ask(startCursor, firstPage)
  try {
    for (let number = firstPage; ahead !== null; number++) {
      const page: KkiPage = await ahead
      if (page.nextCursor !== null && asked.has(page.nextCursor)) {
        throw new KkiCursorRepeated('KKI names a next cursor that was asked for before; the walk would not end', {
          page: number
        })
      }
      const isLastAllowed = number >= maxPages
      ahead = page.nextCursor === null || isLastAllowed ? null : ask(page.nextCursor, number + 1)
      yield page
      page.release()
      if (page.nextCursor !== null && isLastAllowed) {
        throw new KkiTooManyPages(`the walk has more than the ${counted(maxPages, 'page')} allowed`, { page: number })
      }
    }
  } finally {
    leaving.abort()
    await ahead?.catch(() => {})
  }
}
