import { counted } from '../platform/plural.ts'
import { walkCounted } from './counted-pages.ts'
import { KkiCursorRepeated, KkiTooManyPages } from './errors.ts'
import type { CallContext, KkiClient, KkiPage, PageQuery } from './types.ts'

export interface WalkOptions {
  /** Largest number of pages in the whole walk, including those before `firstPage`. */
  maxPages: number
  /** The cursor at which an interrupted walk resumes; if absent, it starts at the first page. */
  startCursor?: string
  /** Number of the first requested page: 1, or one more than the pages of an interrupted walk. */
  firstPage?: number
}

/**
 * Yields the pages of `query` in order. While the caller uses a page, the next one is already requested; of counted pages
 * (with a page number or an offset), as many as the description allows.
 *
 * The caller may use a page until it takes the next one, because the memory of the page is then reused. If the caller leaves
 * the loop early, requests that are still open are aborted.
 * @throws KkiCursorRepeated instead of a page that names an earlier cursor again, or repeats an earlier page; KkiListMoved if
 *   no counted page continues after the last row; KkiTooManyPages after the last allowed page; an error of `fetchPage` when
 *   the caller takes its page
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
    // The error is handled when the page is awaited; until then it must not count as an unhandled rejection.
    pending.catch(() => {})
    return pending
  }

  let ahead: Promise<KkiPage> | null = ask(startCursor, firstPage)
  try {
    for (let number = firstPage; ahead !== null; number++) {
      const page: KkiPage = await ahead
      if (page.nextCursor !== null && asked.has(page.nextCursor)) {
        throw new KkiCursorRepeated('KKI names a next cursor that was already used; the walk would never end', {
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
