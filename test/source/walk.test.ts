import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallContext, KkiClient, KkiPage, PageQuery } from '../../sidecar/source/types.ts'
import { Walk } from '../../sidecar/source/walk.ts'

const query = { limit: 1 }
const start = async () => ({ query, firstPage: 1, maxPages: 100 })

/** A KKI of so many pages whose cursors are the numbers of the pages; `asked` has the requested pages with their callers. */
function setUp(pages: number) {
  const asked: string[] = []
  const kki = {
    counting: null,
    async fetchPage({ cursor }: PageQuery, { requestId }: CallContext) {
      const page = Number(cursor ?? 1)
      asked.push(`${page} ${requestId}`)
      return {
        fingerprint: null,
        nextCursor: page < pages ? String(page + 1) : null,
        release: () => undefined
      } as KkiPage
    }
  } as unknown as KkiClient
  const call = (requestId: string): CallContext => ({
    requestId,
    traceId: '0'.repeat(32),
    signal: new AbortController().signal
  })
  return { walk: new Walk(kki), asked, call }
}

test('a walk that pauses between two pages requests none of them twice, and continues with the ids of the next caller', async () => {
  const { walk, asked, call } = setUp(5)
  await walk.goTo({ profession: null, cursor: null, call: call('batch-1') }, start)
  await walk.next()
  await walk.next()
  assert.equal(walk.cursor, '3')
  await walk.goTo({ profession: null, cursor: '3', call: call('batch-2') }, () => assert.fail('it has begun'))
  while (await walk.next());
  assert.equal(walk.cursor, null)
  // The third page was asked for ahead.
  assert.deepEqual(asked, ['1 batch-1', '2 batch-1', '3 batch-1', '4 batch-2', '5 batch-2'])
})

test('a walk begins again at any other cursor, and for another profession', async () => {
  const { walk, asked, call } = setUp(9)
  await walk.goTo({ profession: null, cursor: '4', call: call('a') }, start)
  await walk.next()
  await walk.goTo({ profession: null, cursor: '2', call: call('b') }, start)
  await walk.next()
  await walk.goTo({ profession: 'doctor', cursor: '3', call: call('c') }, start)
  await walk.next()
  await walk.leave()
  assert.equal(await walk.next(), null)
  assert.deepEqual(asked, ['4 a', '5 a', '2 b', '3 b', '3 c', '4 c'])
})
