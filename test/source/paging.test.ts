import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Paging, RequestTemplate } from '../../sidecar/source/description.ts'
import { findNextLink } from '../../sidecar/source/link-header.ts'
import { callContext } from './helpers/client.ts'
import { type Reply, startDescribed } from './helpers/described.ts'

const list = ['a', 'b', 'c', 'd', 'e']
const request = (query: RequestTemplate['query']): RequestTemplate => ({ path: '/list', query: query ?? {} })
const pages = request({ page: '{page}', size: '{pageSize}' })
const offsets = request({ offset: '{offset}', size: '{pageSize}' })
const cursors = request({ cursor: '{cursor}', size: '{pageSize}' })
const answer = { rows: '/data' }

const slice = (from: number, size: number): Reply => ({ body: { data: list.slice(from, from + size) } })

test('pages are counted until a page without rows', async t => {
  const paging: Paging = { type: 'page_number', firstPage: 1 }
  const { readAll, asked } = await startDescribed(t, { request: pages, paging, answer }, ({ url }) =>
    slice((Number(url.searchParams.get('page')) - 1) * 2, 2)
  )

  assert.deepEqual(await readAll(), list)
  assert.deepEqual(
    asked.map(({ url }) => url.search),
    // Each page again after the one behind it.
    [1, 2, 1, 3, 2, 4, 3].map(page => `?page=${page}&size=2`)
  )
})

test('a short page is not the end', async t => {
  const paging: Paging = { type: 'page_number', firstPage: 0 }
  const parts = [['a'], ['b', 'c'], ['d'], ['e'], []]
  const { readAll } = await startDescribed(t, { request: pages, paging, answer }, ({ url }) => ({
    body: { data: parts[Number(url.searchParams.get('page'))] }
  }))

  assert.deepEqual(await readAll(), list)
})

test('the last page is recognised by its number, as a number or as text', async t => {
  for (const last of [3, '3']) {
    const paging: Paging = { type: 'page_number', firstPage: 1, lastPage: '/last' }
    const { readAll, asked } = await startDescribed(t, { request: pages, paging, answer }, ({ url }) => ({
      body: { data: list.slice((Number(url.searchParams.get('page')) - 1) * 2).slice(0, 2), last }
    }))

    assert.deepEqual(await readAll(), list)
    assert.deepEqual(
      asked.map(({ url }) => url.searchParams.get('page')),
      ['1', '2', '1', '3', '2']
    )
  }
})

test('a source that ignores the page number is recognised by its rows', async t => {
  for (const paging of [{ type: 'page_number', firstPage: 1 } as const, { type: 'offset', firstOffset: 0 } as const]) {
    const template = paging.type === 'offset' ? offsets : pages
    const { readAll } = await startDescribed(t, { request: template, paging, answer }, (_, number) => ({
      body: { data: ['a', 'b'], number }
    }))

    await assert.rejects(readAll(), { code: 'KKI_CURSOR_REPEATED', message: /rows of an earlier page again.*page 2/ })
  }
})

test('an offset advances by the received rows, so that a capped page size loses nothing', async t => {
  const paging: Paging = { type: 'offset', firstOffset: 0 }
  const { readAll, asked } = await startDescribed(t, { request: offsets, paging, answer }, ({ url }) =>
    slice(Number(url.searchParams.get('offset')), 1)
  )

  assert.deepEqual(await readAll(), list)
  assert.deepEqual(
    asked.map(({ url }) => Number(url.searchParams.get('offset'))),
    // Each row is asked for again, to see that the next one stands behind it; a page has no room for both.
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
  )
})

test('a described member for further pages decides, and must be present', async t => {
  const paging: Paging = { type: 'offset', firstOffset: 0, hasMore: '/more' }
  const { readAll, asked } = await startDescribed(t, { request: offsets, paging, answer }, ({ url }) => {
    const from = Number(url.searchParams.get('offset'))
    return { body: { data: list.slice(from, from + 2), more: from + 2 < 5 ? 1 : '0' } }
  })
  assert.deepEqual(await readAll(), list)
  assert.equal(asked.length, 4)

  const silent = await startDescribed(t, { request: offsets, paging, answer }, () => ({ body: { data: ['a'] } }))
  await assert.rejects(silent.readAll(), { code: 'KKI_CONTRACT', message: /at \/more: must be true or false/ })

  const more: Paging = { type: 'cursor', next: '/next', hasMore: '/more' }
  const torn = await startDescribed(t, { request: cursors, paging: more, answer }, () => ({
    body: { data: ['a'], next: null, more: true }
  }))
  await assert.rejects(torn.readAll(), { code: 'KKI_CONTRACT', message: /announces more pages but names no next/ })
})

test('a missing cursor is an error, unless the description allows it', async t => {
  const reply = () => ({ body: { data: ['a'] } })
  const strict = await startDescribed(t, { request: cursors, paging: { type: 'cursor', next: '/next' }, answer }, reply)
  await assert.rejects(strict.readAll(), { code: 'KKI_CONTRACT', message: /at \/next: is missing/ })

  const loose: Paging = { type: 'cursor', next: '/next', nextMayBe: ['absent', 'blank'] }
  assert.deepEqual(await (await startDescribed(t, { request: cursors, paging: loose, answer }, reply)).readAll(), ['a'])
  const blank = () => ({ body: { data: ['a'], next: '' } })
  assert.deepEqual(await (await startDescribed(t, { request: cursors, paging: loose, answer }, blank)).readAll(), ['a'])
})

test('a page without rows is the end only for a source that names a next cursor there', async t => {
  const reply = (_: unknown, number: number) => ({ body: { data: number === 2 ? [] : ['a'], next: `c${number}` } })
  const ending: Paging = { type: 'cursor', next: '/next', emptyPage: true }
  assert.deepEqual(await (await startDescribed(t, { request: cursors, paging: ending, answer }, reply)).readAll(), [
    'a'
  ])

  const going = (_: unknown, number: number) => ({
    body: { data: number === 2 ? [] : [number], next: number === 3 ? null : `c${number}` }
  })
  const paging: Paging = { type: 'cursor', next: '/next' }
  assert.deepEqual(await (await startDescribed(t, { request: cursors, paging, answer }, going)).readAll(), [1, 3])
})

test('a cursor may be a number, which is sent as text', async t => {
  const paging: Paging = { type: 'cursor', next: { at: '/next', convert: ['text'] } }
  const { readAll, asked } = await startDescribed(t, { request: cursors, paging, answer }, (_, number) => ({
    body: { data: [number], next: number === 3 ? null : number * 10 }
  }))
  assert.deepEqual(await readAll(), [1, 2, 3])
  assert.deepEqual(
    asked.map(({ url }) => url.searchParams.get('cursor')),
    [null, '10', '20']
  )
})

const links = request({ size: '{pageSize}' })
const jsonLink: Paging = { type: 'json_link', next: '/next' }

for (const [kind, next] of [
  ['whole', (base: string) => `${base}/api/list?size=2&from=9`],
  ['with another scheme and port', (base: string) => `https://${new URL(base).hostname}:9/api/list?size=2&from=9`],
  ['a path with a query', () => '/api/list?size=2&from=9'],
  ['a query alone', () => '?size=2&from=9'],
  ['with a login, which is not taken', (base: string) => `http://x:y@${new URL(base).host}/api/list?size=2&from=9`]
] as const) {
  test(`a next address below our own is followed: ${kind}`, async t => {
    const described = await startDescribed(
      t,
      { request: links, paging: jsonLink, answer },
      (_, number) => ({ body: { data: [number], next: number === 2 ? null : next(described.url) } }),
      { path: '/api' }
    )
    assert.deepEqual(await described.readAll(), [1, 2])
    assert.equal(described.asked[1]?.url.href, `${described.url}/api/list?size=2&from=9`)
    assert.equal(described.asked[1]?.headers.authorization, undefined)
  })
}

for (const [kind, next, why] of [
  ['on another host', 'https://example.org/api/list?from=2', /on another host than KKI_BASE_URL/],
  ['outside the base URL', '/other/list?from=2', /not below KKI_BASE_URL/],
  ['that leaves it by ".."', '/api/../other?from=2', /not below KKI_BASE_URL/],
  ['of another kind', 'file:///etc/passwd', /on another host/],
  ['that is none', 'http://[', /next address that is not valid/],
  ['that is a number', 7, /at \/next: must be a text or null/]
] as const) {
  test(`a next address ${kind} is an error, and gets no request`, async t => {
    const { readAll, asked } = await startDescribed(
      t,
      { request: links, paging: jsonLink, answer },
      () => ({ body: { data: ['a'], next } }),
      { path: '/api' }
    )
    await assert.rejects(readAll(), { code: 'KKI_CONTRACT', message: why })
    assert.equal(asked.length, 1)
  })
}

test('a next address that repeats is an error', async t => {
  const { readAll } = await startDescribed(t, { request: links, paging: jsonLink, answer }, (_, number) => ({
    body: { data: [number], next: number % 2 === 1 ? '/list?a' : '/list?b' }
  }))
  await assert.rejects(readAll(), { code: 'KKI_CURSOR_REPEATED' })
})

test('a key in the address is sent with each page, and is not part of the stored cursor', async t => {
  const changes = {
    request: links,
    paging: jsonLink,
    answer,
    authentication: { type: 'api_key', in: 'query', name: 'key' } as const
  }
  const { client, store, asked } = await startDescribed(t, changes, ({ url }) => ({
    body: { data: ['a'], next: `${url.href}&from=2` }
  }))
  store.content.set('kki', { apiKey: 'rahasia' })

  const { nextCursor } = await client.fetchPage({ limit: 2 }, callContext())
  assert.equal(nextCursor, '/list?size=2&from=2')
  await client.fetchPage({ limit: 2, cursor: nextCursor as string }, callContext())
  assert.deepEqual(
    asked.map(({ url }) => url.searchParams.get('key')),
    ['rahasia', 'rahasia']
  )
})

test('a stored cursor of another kind of paging is rejected, so that the walk begins again', async t => {
  const changes = { request: pages, paging: { type: 'page_number', firstPage: 1 } as const, answer }
  const { client, asked } = await startDescribed(t, changes, () => ({ body: { data: [] } }))
  const query = { limit: 2, cursor: '/list?from=2' }
  await assert.rejects(client.fetchPage(query, callContext()), { code: 'KKI_DENIED', status: 400 })
  assert.equal(asked.length, 0)
})

test('a page number that was stored with another page size is rejected, so that no row is lost', async t => {
  const changes = { request: pages, paging: { type: 'page_number', firstPage: 1 } as const, answer }
  const { client } = await startDescribed(t, changes, () => ({ body: { data: ['a', 'b'] } }))
  const { nextCursor } = await client.fetchPage({ limit: 2 }, callContext())
  const cursor = nextCursor as string
  assert.ok(await client.fetchPage({ limit: 2, cursor }, callContext()))
  await assert.rejects(client.fetchPage({ limit: 3, cursor }, callContext()), { code: 'KKI_DENIED', status: 400 })
})

test('one answer may have all rows', async t => {
  const changes = { request: { path: '/all' }, paging: { type: 'single_page' } as const, answer: { rows: '' } }
  const { readAll, asked } = await startDescribed(t, changes, () => ({ body: list }))
  assert.deepEqual(await readAll(), list)
  assert.equal(asked.length, 1)
})

test('a Link header is read by its relation', () => {
  assert.equal(findNextLink(null), null)
  assert.equal(findNextLink('<https://x/a?b=1,2;c>; rel="next"'), 'https://x/a?b=1,2;c')
  assert.equal(findNextLink('<a>; rel="first", <b>; title="x, y"; rel=next'), 'b')
  assert.equal(findNextLink('<a>; rel="prev next"; x="<c>"'), 'a')
  assert.equal(findNextLink('<a>; title="rel=next"; rel="last"'), null)
  assert.equal(findNextLink('<a>; REL=NEXT'), 'a')
  assert.equal(findNextLink('<a'), null)
})
