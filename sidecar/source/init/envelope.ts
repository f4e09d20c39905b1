import { compilePointer } from '../../transform/field-source.ts'
import { keysOf } from '../check/recognise.ts'
import { isObject, type Leaf, leavesOf } from '../check/shape.ts'

type AddNote = (kind: 'guessed' | 'fill' | 'look', at: string, text: string) => void

/** The members around the rows of a page show how to request the next one. */
export interface Envelope {
  request: Record<string, unknown>
  paging: Record<string, unknown>
  total: string | null
  limits: { pageSize: number } | null
}

const cursorName =
  /^(?:next_(?:cursor|token|page_token|key)|cursor_next|cursors?_(?:next|after)|kursor(?:_berikutnya)?|after|selanjutnya|continuation(?:_token)?)$/
const linkName = /^(?:next(?:_(?:page_)?(?:url|link|href))?|links?_next(?:_href)?|halaman_berikutnya)$/
const lastPageName = /^(?:last_page|total_pages?|page_count|pages|jumlah_halaman|total_halaman)$/
const moreName =
  /^(?:(?:has|have|is)_(?:more|next)(?:_(?:page|data|rows?))?|more(?:_\w+)?|next|(?:masih_)?ada(?:_(?:lagi|lanjutan|berikutnya|selanjutnya|data))?|lanjut(?:an|kan)?|berlanjut|masih|ber(?:ikut|lanjut)nya|selanjutnya)$/
/** Other booleans next to the rows. */
const otherBooleanName =
  /^(?:success|succeeded|sukses|berhasil|ok|status|valid|error|is_error|gagal|fault|first|is_first|pertama|last|is_last|terakhir|empty|kosong|cached|deprecated|masked)$/
const offsetName = /^(?:offset|start|skip|mulai)$/
const totalName = /^(?:total(?:_(?:data|records?|rows?|count|items?|elements))?|count|jumlah(?:_data)?|record_count)$/
const sizeName = /^(?:per_page|page_size|limit|size|batas|jumlah|_count)$/
const pageName = /^(?:page|halaman|_page|page_number|current_page)$/

/** Guesses the paging and the request from the members next to the rows, including addresses. */
export function guessEnvelope(page: unknown, rows: string, note: AddNote, gap: (expected: string) => string): Envelope {
  const outside = rows === '' && Array.isArray(page) ? [] : leavesOf([withoutRows(page, rows)])
  const links = outside.flatMap(({ values }) => values).filter(isAddress)
  const address = links.map(link => URL.parse(String(link), 'http://host/'))[0] ?? null
  const named = (pattern: RegExp, test: (value: unknown) => boolean): Leaf | undefined =>
    outside.find(({ pointer, values }) => isNamed(pointer, pattern) && values.every(test))
  const parameters = [...(address?.searchParams.keys() ?? [])]
  const parameter = (pattern: RegExp, fallback: string) => parameters.find(name => pattern.test(name)) ?? fallback

  const total = named(totalName, isCount)
  if (total !== undefined) note('guessed', '/answer/total', total.pointer)
  const { paging, query } = guessPaging()
  const limits = guessSize(query)
  const path = address === null || address.pathname === '/' ? null : address.pathname
  if (path === null) note('fill', '/request/path', 'the path of the list below KKI_BASE_URL')
  else note('guessed', '/request/path', `${path}, from an address in the page; remove the part that KKI_BASE_URL has`)
  note(
    'look',
    '/request',
    'add the parameters of the window ({since}, {until}) and request.window; without them every run reads everything'
  )
  return {
    request: { path: path ?? gap('a path such as /v1/nakes'), ...(Object.keys(query).length > 0 && { query }) },
    paging,
    total: total?.pointer ?? null,
    limits
  }

  function guessPaging(): { paging: Record<string, unknown>; query: Record<string, string> } {
    const more = findMore()
    const hasMore = more === null ? {} : { hasMore: more }
    const lastPage = named(lastPageName, isCount)
    if (lastPage !== undefined) {
      const present = named(pageName, isCount)
      const firstPage = present?.values[0] === 0 ? 0 : 1
      note('guessed', '/paging', `page numbers from ${firstPage}; the last one is at ${lastPage.pointer}`)
      return { paging: { type: 'page_number', firstPage, lastPage: lastPage.pointer }, query: pageQuery() }
    }
    const related = relatedLink(page)
    if (related !== null) {
      note('guessed', '/paging', 'the address of the next page is in the list of links')
      return { paging: { type: 'json_link', next: related, ...hasMore }, query: {} }
    }
    const link = named(linkName, isAddress)
    if (link !== undefined && link.values.length > 0) {
      note('guessed', '/paging', `the address of the next page is at ${link.pointer}`)
      return { paging: { type: 'json_link', next: link.pointer, ...hasMore }, query: {} }
    }
    const cursor = named(cursorName, value => typeof value === 'string' || typeof value === 'number')
    if (cursor !== undefined) {
      const name = parameter(/cursor|kursor|after|token/, 'cursor')
      note('guessed', '/paging', `the cursor of the next page is at ${cursor.pointer}`)
      note('look', `/request/query/${name}`, 'the parameter that takes the cursor')
      return { paging: { type: 'cursor', next: cursor.pointer, ...hasMore }, query: { [name]: '{cursor}' } }
    }
    const offset = named(offsetName, isCount)
    if (offset !== undefined) {
      const name = keysOf(offset.pointer).at(-1) ?? 'offset'
      note('guessed', '/paging', 'offset and limit')
      note('look', `/request/query/${name}`, 'the parameter that takes the offset')
      return { paging: { type: 'offset', firstOffset: 0, ...hasMore }, query: { [name]: '{offset}' } }
    }
    if (named(pageName, isCount) !== undefined) {
      note('guessed', '/paging', 'page numbers from 1')
      return { paging: { type: 'page_number', firstPage: 1, ...hasMore }, query: pageQuery() }
    }
    note('fill', '/paging', 'nothing next to the rows refers to a next page')
    const kinds = 'cursor, json_link, header_link, page_number, offset or single_page'
    return { paging: { type: gap(kinds), ...hasMore }, query: {} }
  }

  /** Finds the boolean that shows whether more pages exist: by its name, or as the only boolean next to the rows. */
  function findMore(): string | null {
    const booleans = outside.filter(
      ({ values }) => values.length > 0 && values.every(value => typeof value === 'boolean')
    )
    const known = booleans.find(({ pointer }) => isNamed(pointer, moreName))
    if (known !== undefined) return known.pointer
    const others = booleans.filter(({ pointer }) => !otherBooleanName.test(keysOf(pointer).at(-1) ?? ''))
    const [only] = others
    if (only === undefined || others.length > 1) return null
    note(
      'look',
      '/paging/hasMore',
      `${only.pointer} is the only boolean next to the rows: does it mean that more pages follow?`
    )
    return only.pointer
  }

  function pageQuery(): Record<string, string> {
    const name = parameter(/page$|halaman/, 'page')
    note('look', `/request/query/${name}`, 'the parameter that takes the page number')
    return { [name]: '{page}' }
  }

  function guessSize(query: Record<string, string>): { pageSize: number } | null {
    const size = named(sizeName, value => isCount(value) && Number(value) > 0)
    const name = parameters.find(one => sizeName.test(one)) ?? keysOf(size?.pointer ?? '').at(-1)
    if (size === undefined || name === undefined || Number(size.values[0]) > 10_000 || size === total) return null
    query[name] = '{pageSize}'
    note('guessed', `/request/query/${name}`, 'the parameter that takes the page size')
    return { pageSize: Number(size.values[0]) }
  }
}

function isNamed(pointer: string, pattern: RegExp): boolean {
  const keys = keysOf(pointer)
  return pattern.test(keys.at(-1) ?? '') || pattern.test(keys.slice(-2).join('_'))
}

function isCount(value: unknown): boolean {
  return /^\d{1,10}$/.test(String(value))
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && /^(?:https?:\/\/|\/[^/]|\?)/.test(value)
}

/** Finds an entry such as `{ relation: "next", url }` in a list of links. */
function relatedLink(page: unknown): object | null {
  for (const list of ['/link', '/links', '/meta/links', '/_links']) {
    const elements = compilePointer(list)(page)
    if (!Array.isArray(elements)) continue
    for (const relation of ['relation', 'rel']) {
      const next = elements.find(
        element => isObject(element) && (element as Record<string, unknown>)[relation] === 'next'
      )
      const at = next && ['url', 'href'].find(key => key in next)
      if (at) return { list, where: { [`/${relation}`]: 'next' }, at: `/${at}` }
    }
  }
  return null
}

function withoutRows(page: unknown, rows: string): unknown {
  const list = compilePointer(rows)(page)
  const copy = (value: unknown): unknown => {
    if (value === list) return null
    if (!isObject(value)) return Array.isArray(value) ? value.slice(0, 5).map(copy) : value
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copy(member)]))
  }
  return copy(page)
}
