import type { Paging } from '../../sidecar/source/description.ts'
import { SimulatorInputError } from '../errors.ts'
import type { Feed, FeedPage, Filters } from '../feed.ts'
import type { Cursors, Position } from '../position.ts'
import type { PageFacts } from './answer.ts'
import type { Asked } from './template.ts'

/** The parameter in the URL of a next page. */
export const linkParameter = 'lanjut'

/** One request for a page. */
export interface PageRequest {
  asked: Asked
  filters: Filters
  /** The requested filters. A cursor is valid only with the same filters. */
  signed: string
  limit: number
  /** The parameter's value in the URL of a next page. */
  link: string | null
  /** Returns the URL of this request with another position. */
  addressOf(place: string): string
}

/** A page in the form of the description's paging. */
export interface ServedPage {
  rows: readonly string[]
  facts: PageFacts
  /** The header Link. */
  links: string | null
}

/** Faults of a page that were ordered by a control. */
export interface PageFault {
  /** The page has no rows; later pages still have all rows. */
  isEmpty: boolean
  /** The page is the same as before, or names itself as the next page. */
  isRepeated: boolean
  /** Makes cursors to the same position differ. */
  salt: number
}

/**
 * Returns a function that takes pages from the feed; `nameOf` returns the parameter of a placeholder. The function throws a
 * SimulatorInputError for an invalid position.
 */
export function compilePaging(paging: Paging, feed: Feed, cursors: Cursors, nameOf: (placeholder: string) => string) {
  // If a description recognises the end in another way, the last page names a next one too, as some APIs do.
  const alwaysNamesNext = ('hasMore' in paging && paging.hasMore !== undefined) || 'emptyPage' in paging
  return (request: PageRequest, fault: PageFault): ServedPage => {
    const { filters, limit } = request
    const total = feed.total(filters)
    switch (paging.type) {
      case 'single_page': {
        const { rows } = feed.page(filters, null, Number.POSITIVE_INFINITY)
        return { rows: fault.isEmpty ? [] : rows, facts: factsOf(null, false, 1, total), links: null }
      }
      case 'page_number': {
        const page = wholeNumber(nameOf('page'), request.asked.page, paging.firstPage)
        const skipped = Math.max(0, page - paging.firstPage - (fault.isRepeated ? 1 : 0)) * limit
        const lastPage = Math.max(0, Math.ceil(total / limit) - 1) + paging.firstPage
        return counted(feed.pageAt(filters, skipped, limit), fault, lastPage, total)
      }
      case 'offset': {
        const offset = wholeNumber(nameOf('offset'), request.asked.offset, paging.firstOffset)
        const skipped = Math.max(0, offset - paging.firstOffset - (fault.isRepeated ? limit : 0))
        return counted(feed.pageAt(filters, skipped, limit), fault, 1, total)
      }
      default:
        return followed(request, fault, total)
    }
  }

  function followed(request: PageRequest, fault: PageFault, total: number): ServedPage {
    const { asked, filters, signed, limit, link } = request
    const given = paging.type === 'cursor' ? (asked.cursor ?? null) : link
    const after = given === null ? null : cursors.read(given, signed)
    if (given !== null && after === null) {
      const name = paging.type === 'cursor' ? nameOf('cursor') : linkParameter
      throw new SimulatorInputError(name, 'was not issued for these filters')
    }
    const start = after ?? { stamp: Math.max(filters.since, 0) - 1, str: '', id: '' }
    const { rows, last, isLast }: FeedPage = fault.isEmpty
      ? { rows: [], last: start, lastButOne: null, isLast: false }
      : feed.page(filters, after, limit)
    const isNamed = !isLast || (alwaysNamesNext && !(rows.length === 0 && !('emptyPage' in paging)))
    const place = (position: Position) => cursors.write(position, signed, fault.isEmpty ? fault.salt : 0)
    const cursor = fault.isRepeated && given !== null ? given : isNamed ? place(last ?? start) : null
    const next = cursor === null || paging.type === 'cursor' ? cursor : request.addressOf(cursor)
    const facts = factsOf(paging.type === 'header_link' ? null : next, !isLast, 1, total)
    if (paging.type !== 'header_link') return { rows, facts, links: null }
    const links = [`<${request.addressOf('')}>; rel="first"`, ...(next === null ? [] : [`<${next}>; rel="next"`])]
    return { rows, facts, links: links.join(', ') }
  }
}

function counted({ rows, isLast }: FeedPage, fault: PageFault, lastPage: number, total: number): ServedPage {
  return {
    rows: fault.isEmpty ? [] : rows,
    facts: factsOf(null, !isLast || fault.isEmpty, lastPage, total),
    links: null
  }
}

function factsOf(next: string | null, hasMore: boolean, lastPage: number, total: number): PageFacts {
  return { next, hasMore, lastPage, total }
}

function wholeNumber(name: string, text: string | undefined, smallest: number): number {
  const value = text === undefined ? smallest : Number(text)
  if (Number.isSafeInteger(value) && value >= smallest) return value
  throw new SimulatorInputError(name, `must be a whole number, ${smallest} or more`)
}
