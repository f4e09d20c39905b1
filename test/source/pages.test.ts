import assert from 'node:assert/strict'
import { test } from 'node:test'
import { walkPages } from '../../sidecar/source/pages.ts'
import type { CallContext, KkiClient, KkiPage, PageQuery } from '../../sidecar/source/types.ts'
import { callContext, clientFor, until } from './helpers/client.ts'
import { type FakeKki, pageOf, sendJson, startKki } from './helpers/fake-kki.ts'

/** Makes a KKI of `last` pages, whose rows are their page's number. */
async function startWalk(t: Parameters<typeof startKki>[0], last: number): Promise<FakeKki> {
  const kki = await startKki(t)
  kki.answerList = ({ url }, response) => {
    const number = Number(url.searchParams.get('kursor') ?? 1)
    sendJson(response, 200, pageOf([number], number < last ? String(number + 1) : null))
  }
  return kki
}

async function numbersOf(pages: AsyncIterable<KkiPage>): Promise<unknown[]> {
  const numbers: unknown[] = []
  for await (const page of pages) numbers.push(...page.rows)
  return numbers
}

test('walks all pages in order', async t => {
  const kki = await startWalk(t, 5)
  const { client } = clientFor(t, kki)

  const numbers = await numbersOf(walkPages(client, { limit: 1 }, callContext(), { maxPages: 5 }))

  assert.deepEqual(numbers, [1, 2, 3, 4, 5])
  assert.equal(kki.list.length, 5)
})

test('resumes at a cursor', async t => {
  const kki = await startWalk(t, 5)
  const { client } = clientFor(t, kki)
  const options = { maxPages: 5, startCursor: '3', firstPage: 3 }

  assert.deepEqual(await numbersOf(walkPages(client, { limit: 1 }, callContext(), options)), [3, 4, 5])
})

test('reads exactly one page ahead of its caller', async t => {
  const kki = await startWalk(t, 9)
  const { client } = clientFor(t, kki)
  const walk = walkPages(client, { limit: 1 }, callContext(), { maxPages: 9 })
  for (let taken = 1; taken <= 3; taken++) {
    await walk.next()
    await until(() => kki.list.length === taken + 1)
    await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal(kki.list.length, taken + 1)
  }
  await walk.return()
})

test('aborts the page ahead when its caller stops', async t => {
  const kki = await startWalk(t, 9)
  const answer = kki.answerList
  kki.answerList = (request, response) => (request.number === 1 ? answer(request, response) : undefined)
  const { client, seen } = clientFor(t, kki)
  for await (const _page of walkPages(client, { limit: 1 }, callContext(), { maxPages: 9 })) {
    await until(() => kki.list.length === 2)
    break
  }

  assert.deepEqual(seen.statuses, ['200', 'aborted'])
})

test('reports the failure of the page ahead only when that page is due, and names it', async t => {
  const kki = await startWalk(t, 9)
  const answer = kki.answerList
  kki.answerList = (request, response) =>
    request.number === 1 ? answer(request, response) : sendJson(response, 400, {})
  const { client } = clientFor(t, kki)
  const walk = walkPages(client, { limit: 1 }, callContext(), { maxPages: 9 })

  assert.deepEqual([...((await walk.next()).value?.rows ?? [])], [1])
  await until(() => kki.list.length === 2)
  await new Promise(resolve => setTimeout(resolve, 20))

  await assert.rejects(walk.next(), { code: 'KKI_DENIED', page: 2 })
})

test('ignores the failure of a page ahead that is never read', async t => {
  const kki = await startWalk(t, 9)
  const answer = kki.answerList
  kki.answerList = (request, response) =>
    request.number === 1 ? answer(request, response) : sendJson(response, 400, {})
  const { client } = clientFor(t, kki)

  await assert.rejects(async () => {
    for await (const _page of walkPages(client, { limit: 1 }, callContext(), { maxPages: 9 })) {
      await until(() => kki.list.length === 2)
      throw new Error('the database is gone')
    }
  }, /the database is gone/)
})

test('releases each page when the next one is requested', async () => {
  const released: number[] = []
  const client = clientOf(['a', 'b', null], page => released.push(page))
  const seen: number[][] = []
  for await (const page of walkPages(client, { limit: 1 }, callContext(), { maxPages: 9 })) {
    seen.push([page.rows[0] as number, ...released])
  }
  assert.deepEqual(seen, [[1], [2, 1], [3, 1, 2]])
  assert.deepEqual(released, [1, 2, 3])
})

/** A client whose pages name the given cursors, one after the other. */
function clientOf(cursors: Array<string | null>, onRelease: (page: number) => void = () => {}): KkiClient {
  let page = 0
  return {
    async fetchPage(_query: PageQuery, context: CallContext) {
      context.signal.throwIfAborted()
      page += 1
      const nextCursor = cursors[page - 1] ?? null
      const body = Buffer.from(`{"data":[${page}]}`)
      return {
        rows: JSON.parse(String(body)).data,
        received: 1,
        fingerprint: null,
        keys: [],
        nextCursor,
        total: null,
        sourceNow: 0,
        body,
        release: onRelease.bind(null, page)
      }
    },
    fetchByStr: async () => null,
    canAskByStr: true,
    counting: null,
    now: async () => 0,
    breakerState: 0,
    close: async () => {}
  }
}

for (const [description, cursors] of Object.entries({ 'its own': ['a', 'a'], 'an earlier': ['a', 'b', 'a'] })) {
  test(`ends with the number of the page that repeats ${description} cursor`, async () => {
    const walk = walkPages(clientOf(cursors), { limit: 1 }, callContext(), { maxPages: 100 })

    await assert.rejects(numbersOf(walk), { code: 'KKI_CURSOR_REPEATED', page: cursors.length })
  })
}

test('counts the cursor of a resumed walk as requested', async () => {
  const options = { maxPages: 100, startCursor: 'm', firstPage: 8 }
  const walk = walkPages(clientOf(['n', 'm']), { limit: 1 }, callContext(), options)

  await assert.rejects(numbersOf(walk), { code: 'KKI_CURSOR_REPEATED', page: 9 })
})

test('returns the allowed pages, then ends a walk that has more', async () => {
  const seen: unknown[] = []
  await assert.rejects(
    async () => {
      for await (const page of walkPages(clientOf(['a', 'b', 'c']), { limit: 1 }, callContext(), { maxPages: 2 })) {
        seen.push(...page.rows)
      }
    },
    { code: 'KKI_TOO_MANY_PAGES', page: 2, message: 'the walk has more than the 2 pages allowed (page 2)' }
  )
  assert.deepEqual(seen, [1, 2])
})
