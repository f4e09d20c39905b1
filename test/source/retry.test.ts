import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KkiContractBroken, KkiDenied, KkiRetryLater, KkiUnavailable } from '../../sidecar/source/errors.ts'
import { callContext, clientFor, until } from './helpers/client.ts'
import { pageOf, sendJson, startKki } from './helpers/fake-kki.ts'

for (const status of [408, 429, 500, 502, 503, 504]) {
  test(`requests 1 + 3 times while KKI answers ${status}, then reports it as unavailable`, async t => {
    const kki = await startKki(t)
    kki.answerList = (_request, response) => sendJson(response, status, {})
    const { client, seen } = clientFor(t, kki)

    await assert.rejects(client.fetchPage({ limit: 10 }, { ...callContext(), page: 7 }), error => {
      assert.ok(error instanceof KkiUnavailable)
      assert.equal(error.code, 'KKI_UNAVAILABLE')
      assert.equal(error.retryable, true)
      assert.deepEqual([error.status, error.attempts, error.page], [status, 4, 7])
      assert.equal(error.message, `KKI at ${kki.url} answers ${status} after 4 attempts (page 7)`)
      return true
    })
    assert.equal(kki.list.length, 4)
    assert.equal(seen.retries, 3)
    assert.deepEqual(seen.statuses, Array(4).fill(String(status)))
  })
}

for (const status of [400, 403, 404, 302]) {
  test(`does not retry when KKI answers ${status}`, async t => {
    const kki = await startKki(t)
    kki.answerList = (_request, response) => sendJson(response, status, {}, { location: '/elsewhere' })
    const { client } = clientFor(t, kki)

    await assert.rejects(client.fetchPage({ limit: 10 }, callContext()), error => {
      assert.ok(error instanceof KkiDenied)
      assert.equal(error.status, status)
      assert.equal(error.retryable, false)
      return true
    })
    assert.equal(kki.list.length, 1)
  })
}

test('succeeds with the first successful attempt', async t => {
  const kki = await startKki(t)
  kki.answerList = ({ number }, response) =>
    number < 3 ? sendJson(response, 503, {}) : sendJson(response, 200, pageOf([1], 'next', 12))
  const { client, seen } = clientFor(t, kki)

  const page = await client.fetchPage({ limit: 10 }, callContext())

  assert.deepEqual([[...page.rows], page.nextCursor, page.total], [[1], 'next', 12])
  assert.deepEqual(seen.statuses, ['503', '503', '200'])
})

test('names the origin and the cause when KKI cannot be reached', async t => {
  const kki = await startKki(t)
  const { client, seen } = clientFor(t, kki)
  await client.fetchPage({ limit: 1 }, callContext())
  await kki.close()

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_UNAVAILABLE',
    message: `KKI at ${kki.url} cannot be reached (ECONNREFUSED) after 4 attempts`
  })
  assert.deepEqual(seen.statuses, ['200', 'error', 'error', 'error', 'error'])
})

test('retries a cut body', async t => {
  const kki = await startKki(t)
  kki.answerList = ({ number }, response) => {
    if (number === 2) return sendJson(response, 200, pageOf(['whole']))
    response.writeHead(200, { 'content-length': '1000' })
    response.write('{"data":[', () => response.destroy())
  }
  const { client } = clientFor(t, kki)

  const page = await client.fetchPage({ limit: 10 }, callContext())

  assert.deepEqual([...page.rows], ['whole'])
  assert.equal(kki.list.length, 2)
  assert.equal(kki.list[1]?.headers.range, undefined)
})

const brokenPages: Record<string, string> = {
  'broken JSON': '{"data":[{"nama":"Budi Contoh"',
  'an empty body': '',
  'no data array': '{"data":{},"meta":{"kursor_berikutnya":null}}',
  'no meta': '{"data":[]}',
  'a cursor that is a number': '{"data":[],"meta":{"kursor_berikutnya":3}}',
  'an empty cursor': '{"data":[],"meta":{"kursor_berikutnya":""}}',
  'a total that is a word': '{"data":[],"meta":{"kursor_berikutnya":null,"total":"many"}}'
}
for (const [fault, body] of Object.entries(brokenPages)) {
  test(`requests a page with ${fault} 1 + 3 times, then reports a contract violation without its content`, async t => {
    const kki = await startKki(t)
    kki.answerList = (_request, response) => void response.end(body)
    const { client } = clientFor(t, kki)

    await assert.rejects(client.fetchPage({ limit: 10 }, callContext()), error => {
      assert.ok(error instanceof KkiContractBroken)
      assert.equal(error.code, 'KKI_CONTRACT')
      assert.equal(error.attempts, 4)
      assert.doesNotMatch(`${error.message} ${error.cause}`, /Budi/)
      return true
    })
    assert.equal(kki.list.length, 4)
  })
}

test('rejects an answer without a Date header as a contract violation', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => {
    response.sendDate = false
    sendJson(response, 200, pageOf([]))
  }
  const { client } = clientFor(t, kki, { retries: 0 })

  await assert.rejects(client.fetchPage({ limit: 10 }, callContext()), { code: 'KKI_CONTRACT', message: /Date header/ })
})

test('waits as long as Retry-After asks before the next attempt', async t => {
  const kki = await startKki(t)
  kki.answerList = ({ number }, response) =>
    number === 1 ? sendJson(response, 429, {}, { 'retry-after': '60' }) : sendJson(response, 200, pageOf([]))
  const { client, seen } = clientFor(t, kki)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const settled = client.fetchPage({ limit: 10 }, callContext())
  await until(() => seen.retries === 1)

  t.mock.timers.tick(59_999)
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(kki.list.length, 1)

  t.mock.timers.tick(1)
  await new Promise(resolve => setImmediate(resolve))
  t.mock.timers.tick(5)
  await settled
  assert.equal(kki.list.length, 2)
})

test('waits until the date of Retry-After by KKI’s clock, not by ours', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) =>
    sendJson(
      response,
      503,
      {},
      { date: 'Mon, 05 Jan 2015 00:00:00 GMT', 'retry-after': 'Mon, 05 Jan 2015 00:01:30 GMT' }
    )
  const { client, seen } = clientFor(t, kki)
  const leaving = new AbortController()
  const settled = client.fetchPage({ limit: 10 }, callContext(leaving.signal))
  settled.catch(() => {})
  await until(() => seen.retries === 1)

  assert.equal(seen.logs.find(log => log.message === 'the request to KKI is repeated')?.fields.retry_after_ms, 90_000)
  leaving.abort(new Error('enough'))
  await assert.rejects(settled, { message: 'enough' })
})

test('passes a Retry-After of over 10 minutes to its caller at once', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 503, {}, { 'retry-after': '601' })
  const { client } = clientFor(t, kki)

  await assert.rejects(client.fetchPage({ limit: 10 }, callContext()), error => {
    assert.ok(error instanceof KkiRetryLater)
    assert.deepEqual(
      [error.code, error.retryAfterMs, error.status, error.retryable],
      ['KKI_RETRY_LATER', 601_000, 503, true]
    )
    return true
  })
  assert.equal(kki.list.length, 1)
})

test('does not wait after its last attempt', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 503, {}, { 'retry-after': '500' })
  const { client } = clientFor(t, kki, { retries: 0 })

  await assert.rejects(client.fetchPage({ limit: 10 }, callContext()), {
    code: 'KKI_UNAVAILABLE',
    message: `KKI at ${kki.url} answers 503 after 1 attempt`
  })
})

test('ends with the reason of its caller while it waits between two attempts', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 503, {})
  const { client, seen } = clientFor(t, kki, { retryBaseMs: 20_000, retryMaxMs: 30_000 })
  const leaving = new AbortController()
  const settled = client.fetchPage({ limit: 10 }, callContext(leaving.signal))
  settled.catch(() => {})
  await until(() => seen.retries === 1)
  const reason = new Error('the batch was cancelled')
  leaving.abort(reason)

  await assert.rejects(settled, error => error === reason)
  assert.equal(kki.list.length, 1)
})

test('ends with the reason of its caller while KKI keeps it waiting', async t => {
  const kki = await startKki(t)
  kki.answerList = () => {}
  const { client, seen } = clientFor(t, kki)
  const leaving = new AbortController()
  const settled = client.fetchPage({ limit: 10 }, callContext(leaving.signal))
  settled.catch(() => {})
  await until(() => kki.list.length === 1)
  const reason = new Error('the batch was cancelled')
  leaving.abort(reason)

  await assert.rejects(settled, error => error === reason)
  assert.deepEqual(seen.statuses, ['aborted'])
})

test('sends no request for a caller that has already aborted', async t => {
  const kki = await startKki(t)
  const { client } = clientFor(t, kki)

  await assert.rejects(client.fetchPage({ limit: 10 }, callContext(AbortSignal.abort(new Error('gone')))), {
    message: 'gone'
  })
  assert.equal(kki.grants.length, 0)
})

test('closing the client ends open requests', async t => {
  const kki = await startKki(t)
  kki.answerList = () => {}
  const { client } = clientFor(t, kki)
  const settled = client.fetchPage({ limit: 10 }, callContext())
  settled.catch(() => {})
  await until(() => kki.list.length === 1)

  await client.close()

  await assert.rejects(settled, { name: 'AbortError' })
  await assert.rejects(client.fetchPage({ limit: 10 }, callContext()), { name: 'AbortError' })
})
