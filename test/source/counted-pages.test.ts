import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import type { Paging, RequestTemplate } from '../../sidecar/source/description.ts'
import type { BreakerLimits } from '../../sidecar/source/options.ts'
import { walkPages } from '../../sidecar/source/pages.ts'
import type { CallContext, KkiClient, KkiPage, PageQuery } from '../../sidecar/source/types.ts'
import { callContext, until } from './helpers/client.ts'
import { type Reply, startDescribed } from './helpers/described.ts'

type By = 'pages' | 'rows'

interface SourceOptions {
  by: By
  list: string[]
  limit: number
  atOnce?: number
  /** The largest number of rows of a page. */
  cap?: number
  /** Whether an answer says if there are more. */
  tellsMore?: boolean
  /** Called before the request of this number is answered, counted from 1. */
  before?: (number: number, list: string[]) => void
  instead?: (place: number, number: number) => Reply | null
  retries?: number
  requestsPerSecond?: number
  breaker?: BreakerLimits
}

const templates: Record<By, RequestTemplate> = {
  pages: { path: '/list', query: { place: '{page}', size: '{pageSize}' } },
  rows: { path: '/list', query: { place: '{offset}', size: '{pageSize}' } }
}

/** Starts a source whose list may change while it is read. */
async function startList(t: TestContext, options: SourceOptions) {
  const { by, list, limit, atOnce, requestsPerSecond, cap = 1000, tellsMore = false } = options
  const end = tellsMore ? { hasMore: '/more' } : {}
  const paging: Paging =
    by === 'pages' ? { type: 'page_number', firstPage: 1, ...end } : { type: 'offset', firstOffset: 0, ...end }
  const limits = {
    pageSize: limit,
    ...(atOnce !== undefined && by === 'rows' && { pagesAtOnce: atOnce }),
    ...(requestsPerSecond !== undefined && { requestsPerSecond })
  }
  const changes = { request: templates[by], paging, answer: { rows: '/data' }, limits }
  const { client, asked, seen } = await startDescribed(
    t,
    changes,
    ({ url }, number) => {
      options.before?.(number, list)
      const place = Number(url.searchParams.get('place'))
      const size = Math.min(Number(url.searchParams.get('size')), cap)
      const from = by === 'pages' ? (place - 1) * size : place
      const other = options.instead?.(place, number)
      return other ?? { body: { data: list.slice(from, from + size), more: from + size < list.length } }
    },
    { retries: options.retries ?? 0, ...(options.breaker && { breaker: options.breaker }) }
  )
  const walk = (startCursor?: string) =>
    walkPages(client, { limit }, callContext(), { maxPages: 1000, ...(startCursor !== undefined && { startCursor }) })
  return {
    client,
    seen,
    walk,
    places: () => asked.map(({ url }) => Number(url.searchParams.get('place'))),
    async read(startCursor?: string) {
      const rows: unknown[] = []
      for await (const page of walk(startCursor)) rows.push(...page.rows)
      return rows
    }
  }
}

const letters = [...'abcdefghij']
const kinds: By[] = ['pages', 'rows']

for (const by of kinds) {
  test(`counted by ${by}: a row after one that is deleted during the walk is not skipped`, async t => {
    for (const last of [2, 3, 4, 5, 6, 7]) {
      const { read } = await startList(t, {
        by,
        list: [...letters],
        limit: 3,
        before: (number, list) => void (number === last && list.shift())
      })

      assert.deepEqual(new Set(await read()), new Set(letters), `deleted before request ${last}`)
    }
  })

  test(`counted by ${by}: a row after one that changes and moves to the end is not skipped`, async t => {
    const { read } = await startList(t, {
      by,
      list: [...letters],
      limit: 4,
      before: (number, list) => {
        if (number % 4 === 0 && number < 20) list.push(`${list.shift()}'`)
      }
    })

    const rows = new Set(await read())

    for (const letter of letters) assert.ok(rows.has(letter), `${letter} of ${[...rows]}`)
  })

  test(`counted by ${by}: an emptied last page is not the end`, async t => {
    const { read } = await startList(t, {
      by,
      list: [...'abcdefg'],
      limit: 3,
      // Before the request for the last page.
      before: (number, list) => void (number === 4 && list.shift())
    })

    assert.ok((await read()).includes('g'))
  })

  test(`counted by ${by}: an inserted row moves others back, and none is lost`, async t => {
    const { read } = await startList(t, {
      by,
      list: [...letters],
      limit: 3,
      before: (number, list) => void (number === 3 && list.unshift('new'))
    })

    assert.deepEqual(new Set(await read()), new Set(letters))
  })

  test(`counted by ${by}: a list in another order at each request ends the walk with an error`, async t => {
    const { read } = await startList(t, {
      by,
      list: Array.from({ length: 60 }, (_, index) => `row ${index}`),
      limit: 5,
      before: (number, list) => void list.push(...list.splice(0, (number * 17) % list.length))
    })

    await assert.rejects(read(), { code: 'KKI_LIST_MOVED' })
  })

  test(`counted by ${by}: a walk can resume at the cursor of each page, and no row comes twice`, async t => {
    const { walk, read } = await startList(t, { by, list: [...letters], limit: 3, atOnce: 2 })
    const rows: unknown[] = []
    const stops: { cursor: string; read: number }[] = []
    for await (const page of walk()) {
      rows.push(...page.rows)
      if (page.nextCursor !== null) stops.push({ cursor: page.nextCursor, read: rows.length })
    }
    assert.deepEqual(rows, letters)
    for (const stop of stops) assert.deepEqual(await read(stop.cursor), letters.slice(stop.read))
  })

  test(`counted by ${by}: a row that moved between two walks is not skipped`, async t => {
    const list = [...letters]
    const { walk, read } = await startList(t, { by, list, limit: 4 })
    const pages = walk()
    const first = await pages.next()
    await pages.return()
    list.shift()

    const rows = await read(first.value?.nextCursor as string)

    assert.deepEqual([...new Set([...(first.value?.rows ?? []), ...rows])], letters)
  })

  test(`counted by ${by}: as many pages are requested at once as the description allows, and they come in order`, async t => {
    const list = Array.from({ length: 200 }, (_, index) => `row ${index}`)
    const { walk, places } = await startList(t, { by, list, limit: 11, atOnce: 4 })
    const pages = walk()
    const rows = [...((await pages.next()).value?.rows ?? [])]
    // The first page, then four. With page numbers only one page is requested ahead, together with the page before it.
    const expected = by === 'pages' ? 3 : 5
    await until(() => places().length === expected)
    await wait(20)
    assert.equal(places().length, expected)
    for await (const page of pages) rows.push(...page.rows)
    assert.deepEqual(rows, list)
  })

  test(`counted by ${by}: requests beyond the end of the list are dropped, and every page releases its memory`, async t => {
    const { client } = await startList(t, { by, list: [...letters], limit: 5, atOnce: 8 })
    const held = new Set<unknown>()
    let most = 0
    const watched: KkiClient = Object.assign(Object.create(client), {
      async fetchPage(query: PageQuery, context: CallContext): Promise<KkiPage> {
        const page = await client.fetchPage(query, context)
        held.add(page)
        most = Math.max(most, held.size)
        return { ...page, release: () => void (held.delete(page) && page.release()) }
      }
    })
    const rows: unknown[] = []
    for await (const page of walkPages(watched, { limit: 5 }, callContext(), { maxPages: 100 })) {
      rows.push(...page.rows)
      await wait(5)
    }
    assert.deepEqual(rows, letters)
    await until(() => held.size === 0)
    assert.ok(most <= 2 * 8 + 1, String(most))
  })

  test(`counted by ${by}: a failed page ahead ends the walk at its turn, and a retryable one is repeated`, async t => {
    const list = Array.from({ length: 30 }, (_, index) => `row ${index}`)
    let isDown = false
    const { read } = await startList(t, {
      by,
      list,
      limit: 4,
      atOnce: 3,
      retries: 2,
      instead: place => {
        if (place !== 3 || isDown) return null
        isDown = true
        return { status: 503, body: {} }
      }
    })
    assert.deepEqual(await read(), list)
    assert.ok(isDown)

    const bad = by === 'pages' ? 4 : 9
    const refused = await startList(t, {
      by,
      list,
      limit: 4,
      atOnce: 3,
      instead: place => (place === bad ? { status: 422, body: {} } : null)
    })
    const rows: unknown[] = []
    await assert.rejects(
      async () => {
        for await (const page of refused.walk()) rows.push(...page.rows)
      },
      { code: 'KKI_DENIED', page: 4 }
    )
    assert.deepEqual(rows, list.slice(0, by === 'pages' ? 12 : 10))
  })
}

test('concurrent pages keep the limit of requests per second', async t => {
  const list = Array.from({ length: 40 }, (_, index) => `row ${index}`)
  const { read, places } = await startList(t, { by: 'rows', list, limit: 5, atOnce: 8, requestsPerSecond: 100 })
  const started = performance.now()
  assert.deepEqual(await read(), list)
  // The last request may have been dropped while it waited for its turn.
  assert.ok(performance.now() - started >= (places().length - 1) * 10 - 5)
})

test('concurrent pages open the breaker, and a later walk continues when its first page has closed it', async t => {
  const list = Array.from({ length: 60 }, (_, index) => `row ${index}`)
  let isDown = false
  const source = await startList(t, {
    by: 'rows',
    list,
    limit: 5,
    atOnce: 6,
    breaker: { volumeThreshold: 3, windowMs: 60_000, errorThresholdPercentage: 30, resetMs: 100 },
    instead: place => (isDown && place > 0 ? { status: 503, body: {} } : null)
  })
  isDown = true
  const pages = source.walk()
  const first = await pages.next()
  await until(() => source.seen.statuses.filter(status => status === '503').length === 6)
  await assert.rejects(pages.next(), { code: 'KKI_UNAVAILABLE' })
  assert.notEqual(source.client.breakerState, 0)
  isDown = false
  const rows = [...(first.value?.rows ?? [])]
  await until(() => source.client.breakerState === 1)
  rows.push(...(await source.read(first.value?.nextCursor as string)))
  assert.deepEqual(rows, list)
  assert.equal(source.client.breakerState, 0)
})

test('a source that sends one row at a time is read completely', async t => {
  const { read } = await startList(t, { by: 'rows', list: [...letters], limit: 5, cap: 1, atOnce: 3 })
  assert.deepEqual(await read(), letters)
})

const numRuns = Number(process.env.TEST_PROPERTY_RUNS ?? 12) * 5

test('lists of any length, in pages of any size and any number of them at once, are read once and in order', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...kinds),
      fc.nat(40),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 8 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      async (by, length, limit, atOnce, tellsMore, cap) => {
        const list = Array.from({ length }, (_, index) => `row ${index}`)
        // A source that counts pages of another size than asked has no place in common with us.
        const capped = by === 'rows' ? { cap } : {}
        const { read } = await startList(t, { by, list, limit, atOnce, tellsMore, ...capped })
        assert.deepEqual(await read(), list)
      }
    ),
    { numRuns }
  )
})

test('whatever rows are added, removed or moved during a walk, a row that stays is read, or the walk fails', async t => {
  let read = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...kinds),
      fc.integer({ min: 2, max: 7 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ at: fc.integer({ min: 2, max: 30 }), row: fc.nat(39), moves: fc.boolean() }), {
        minLength: 1,
        maxLength: 4
      }),
      async (by, limit, atOnce, changes) => {
        const list = Array.from({ length: 40 }, (_, index) => `row ${index}`)
        const stays = new Set(list)
        const source = await startList(t, {
          by,
          list,
          limit,
          atOnce,
          before(number) {
            for (const { row, moves } of changes.filter(({ at }) => at === number)) {
              const index = list.indexOf(`row ${row}`)
              if (index < 0) continue
              stays.delete(`row ${row}`)
              list.splice(index, 1)
              if (moves) list.push(`row ${row}, changed`)
            }
          }
        })
        let rows: unknown[]
        try {
          rows = await source.read()
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'KKI_LIST_MOVED')
          return
        }
        read++
        const missing = stays.difference(new Set(rows))
        assert.deepEqual([...missing], [], `asked for ${source.places()}`)
      }
    ),
    { numRuns }
  )
  // Only the row at which a page ended cannot be found again.
  assert.ok(read > numRuns / 2, `${read} of ${numRuns}`)
})
