import { compilePointer, compileSource, type FieldSource } from '../transform/field-source.ts'
import { AttemptFailed } from './attempt.ts'
import type { Paging, SourceDescription } from './description.ts'
import { KkiDenied } from './errors.ts'
import type { HttpAnswer } from './http.ts'
import { findNextLink } from './link-header.ts'
import type { Values } from './template.ts'
import type { Counting } from './types.ts'

/** An answer, and its place in the walk. */
export interface Place {
  answer: HttpAnswer
  envelope: unknown
  /** Rows of the answer before any filter. */
  received: number
  /** The requested cursor; absent for the first page. */
  cursor: string | undefined
  /** The requested page size. */
  limit: number
  /** The requested address. */
  url: URL
}

export interface Places {
  /** Returns the cursor of the next page, as text for `placeValues` or `linkOf`; `null` after the last page. */
  next(place: Place): string | null
}

/** A longer cursor does not fit into an address. */
const longestCursor = 2000
const unfit = /[\p{Cc}\p{Cs}]/u

/**
 * Returns a function that finds the next page of a walk. The description decides the end; a short page is never the end.
 */
export function compilePlaces({ paging, authentication }: SourceDescription, baseUrl: URL): Places {
  const mayGoOn = compileEnd(paging)
  const following = compileNext(paging)
  const secretParameter = 'in' in authentication && authentication.in === 'query' ? authentication.name : null

  function next(place: Place): string | null {
    const isOver = mayGoOn(place)
    const cursor = following(place)
    if (isOver === 'over') return null
    if (cursor === null && isOver === 'more') {
      throw broken('sent a page that announces more pages but names no next one')
    }
    if (cursor === null || !isLink(paging)) return cursor
    return checked(relativeLink(cursor, place.url, baseUrl, secretParameter), 'a next address')
  }

  return { next }
}

/** Returns whether the next page is requested by its address. */
export function isLink({ type }: Paging): boolean {
  return type === 'json_link' || type === 'header_link'
}

/** Returns the values of the paging's placeholders. @throws KkiDenied for a stored cursor of another kind of paging */
export function placeValues(paging: Paging, cursor: string | undefined, limit: number): Values {
  switch (paging.type) {
    case 'cursor':
      return { cursor }
    case 'page_number':
      return { page: pageOf(paging, cursor, limit) }
    case 'offset':
      return { offset: cursor === undefined ? paging.firstOffset : readCounted(cursor).at }
    default:
      return {}
  }
}

/** Returns the address in a cursor of link paging. @throws KkiDenied for a stored cursor of another kind of paging */
export function linkOf(cursor: string, baseUrl: URL): URL {
  if (!cursor.startsWith('/')) throw strangeCursor()
  return new URL(basePath(baseUrl) + cursor, baseUrl.origin)
}

/** Returns how the pages of a source are counted; `null` if each page names the next one. */
export function countingOf({ paging, limits }: Pick<SourceDescription, 'paging' | 'limits'>): Counting | null {
  // A numbered page is compared with the previous one, which is requested again after it. If both were requested at the same
  // time, they could join although a row was inserted between the answers.
  if (paging.type === 'page_number') return { by: 'pages', first: paging.firstPage, atOnce: 1 }
  if (paging.type === 'offset') return { by: 'rows', first: paging.firstOffset, atOnce: limits.pagesAtOnce ?? 1 }
  return null
}

/** The position of a walk of counted pages. */
export interface Spot {
  /** The page number or offset after all rows that were read. */
  at: number
  /** The key of the row that was read last; `null` if unknown. */
  last: string | null
}

/** Returns the cursor of a place between counted pages. */
export function writeCounted({ at, last }: Spot, limit: number): string {
  return last === null ? `${at}/${limit}` : `${at}/${limit}/${last}`
}

/** Parses such a cursor, or a plain number. @throws KkiDenied for a cursor of another kind of paging */
export function readCounted(cursor: string): Spot & { limit: number | null } {
  const [, at, limit, last] = /^(\d{1,15})(?:\/(\d{1,5})(?:\/([\w-]{16}))?)?$/.exec(cursor) ?? []
  if (at === undefined) throw strangeCursor()
  return { at: Number(at), limit: limit === undefined ? null : Number(limit), last: last ?? null }
}

/**
 * Returns the number of a page. A cursor of counted pages contains their size as well: with another size the same number is
 * another place in the list, and rows in between would be lost.
 */
function pageOf({ firstPage }: { firstPage: number }, cursor: string | undefined, limit: number): number {
  if (cursor === undefined) return firstPage
  const spot = readCounted(cursor)
  if (spot.limit !== null && spot.limit !== limit) throw strangeCursor()
  return spot.at
}

/** The same error as if KKI had denied the cursor: the walk starts again. */
export function strangeCursor(): KkiDenied {
  return new KkiDenied('the stored cursor is of another kind of paging or another page size', { status: 400 })
}

type Next = (place: Place) => string | null

function compileNext(paging: Paging): Next {
  switch (paging.type) {
    case 'cursor':
    case 'json_link':
      return compileNamed(paging.next, paging.nextMayBe ?? [])
    case 'header_link':
      return ({ answer }) => findNextLink(answer.link)
    case 'page_number':
      return ({ cursor, limit, received }) => (received === 0 ? null : `${pageOf(paging, cursor, limit) + 1}/${limit}`)
    case 'offset': {
      const { firstOffset } = paging
      // Counted by received rows, because a source may send fewer than requested.
      return ({ cursor, received }) =>
        received === 0 ? null : String((cursor === undefined ? firstOffset : readCounted(cursor).at) + received)
    }
    case 'single_page':
      return () => null
  }
}

function compileNamed(source: FieldSource, mayBe: readonly ('absent' | 'blank')[]): Next {
  const read = compileSource(source)
  const where = typeof source === 'string' ? source : 'at' in source ? source.at : '/paging/next'
  // A missing element of a list usually means that there is no next page.
  const mayBeAbsent =
    mayBe.includes('absent') || (typeof source === 'object' && !('at' in source && !('list' in source)))
  return ({ envelope }) => {
    const value = read(envelope)
    if (value === null || (value === undefined && mayBeAbsent) || (value === '' && mayBe.includes('blank'))) return null
    if (value === undefined) throw broken(`sent a page that breaks the contract at ${where}: is missing`)
    if (typeof value !== 'string')
      throw broken(`sent a page that breaks the contract at ${where}: must be a text or null`)
    return checked(value, where)
  }
}

/** An empty cursor would ask for the first page again. A lone surrogate cannot be sent back unchanged. */
function checked(cursor: string, where: string): string {
  if (cursor !== '' && cursor.length <= longestCursor && !unfit.test(cursor)) return cursor
  throw broken(`sent a page that breaks the contract at ${where}: cannot be sent back as the next cursor`)
}

/**
 * Returns a next address as its path below the base URL and its query. Scheme and port are ignored, because they are often
 * wrong behind a proxy. Credentials are never sent to another host.
 */
function relativeLink(link: string, asked: URL, baseUrl: URL, secretParameter: string | null): string {
  const url = URL.parse(link, asked.href)
  if (url === null) throw broken('names a next address that is not valid')
  if (url.hostname !== baseUrl.hostname || !/^https?:$/.test(url.protocol)) {
    throw broken('names a next address on another host than KKI_BASE_URL')
  }
  const base = basePath(baseUrl)
  if (!url.pathname.startsWith(`${base}/`)) throw broken('names a next address that is not below KKI_BASE_URL')
  if (secretParameter !== null) url.searchParams.delete(secretParameter)
  return url.pathname.slice(base.length) + url.search
}

function basePath({ pathname }: URL): string {
  return pathname.replace(/(?<!\/)\/+$/, '')
}

/** `over`: this page is the last, even if it names a next one. `more`: there must be a next one. */
type End = 'over' | 'more' | 'unknown'

function compileEnd(paging: Paging): (place: Place) => End {
  const ends: ((place: Place) => End)[] = []
  if ('hasMore' in paging && paging.hasMore !== undefined) ends.push(compileHasMore(paging.hasMore))
  if ('lastPage' in paging && paging.lastPage !== undefined) ends.push(compileLastPage(paging.lastPage, paging))
  if ('emptyPage' in paging && paging.emptyPage) ends.push(({ received }) => (received === 0 ? 'over' : 'unknown'))
  return place => {
    const said = ends.map(end => end(place))
    if (said.includes('over')) return 'over'
    return said.includes('more') ? 'more' : 'unknown'
  }
}

const flags: Record<string, End> = { true: 'more', 1: 'more', false: 'over', 0: 'over' }

function compileHasMore(pointer: string): (place: Place) => End {
  const read = compilePointer(pointer)
  return ({ envelope }) => {
    const value = read(envelope)
    const end = typeof value === 'object' ? undefined : flags[String(value)]
    if (end === undefined) throw broken(`sent a page that breaks the contract at ${pointer}: must be true or false`)
    return end
  }
}

function compileLastPage(pointer: string, paging: { firstPage: number }): (place: Place) => End {
  const read = compilePointer(pointer)
  return ({ envelope, cursor, limit }) => {
    const value = read(envelope)
    const isNumber = Number.isSafeInteger(value) || (typeof value === 'string' && /^\d{1,15}$/.test(value))
    if (!isNumber)
      throw broken(`sent a page that breaks the contract at ${pointer}: must be the number of the last page`)
    return pageOf(paging, cursor, limit) >= Number(value) ? 'over' : 'unknown'
  }
}

function broken(problem: string): AttemptFailed {
  return new AttemptFailed({ kind: 'contract', problem })
}
