import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KkiBreakerOpen } from '../../sidecar/source/errors.ts'
import type { KkiClient } from '../../sidecar/source/types.ts'
import { callContext, clientFor, until } from './helpers/client.ts'
import { pageOf, sendJson, startKki } from './helpers/fake-kki.ts'

const breaker = { volumeThreshold: 5, windowMs: 60_000, errorThresholdPercentage: 50, resetMs: 60 }
const limits = { retries: 1, breaker }
const ask = (client: KkiClient): Promise<unknown> => client.fetchPage({ limit: 1 }, callContext())

async function failPages(client: KkiClient, count: number, code = 'KKI_UNAVAILABLE'): Promise<void> {
  for (let page = 0; page < count; page++) await assert.rejects(ask(client), { code })
}

test('opens after five failed pages, a page with all its retries being one', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 503, {})
  const { client, seen } = clientFor(t, kki, { ...limits, breaker: { ...breaker, resetMs: 30_000 } })

  await failPages(client, 4)
  assert.equal(client.breakerState, 0)
  await failPages(client, 1)
  assert.equal(client.breakerState, 2)
  assert.equal(kki.list.length, 10)

  await assert.rejects(ask(client), error => {
    assert.ok(error instanceof KkiBreakerOpen)
    assert.deepEqual([error.code, error.retryable], ['KKI_BREAKER_OPEN', true])
    assert.ok(error.retryAfterMs > 29_000 && error.retryAfterMs <= 30_000)
    return true
  })
  assert.equal(kki.list.length, 10)
  assert.deepEqual(seen.breaker, [2])
})

test('lets one probe through after its pause, and closes when that succeeds', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 503, {})
  const { client, seen } = clientFor(t, kki, limits)
  await failPages(client, 5)
  await until(() => client.breakerState === 1)
  const before = kki.list.length
  kki.answerList = (_request, response) => sendJson(response, 200, pageOf([]))

  const results = await Promise.allSettled([ask(client), ask(client), ask(client)])

  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected']
  )
  assert.equal(kki.list.length, before + 1)
  assert.equal(client.breakerState, 0)
  assert.deepEqual(seen.breaker, [2, 1, 0])
})

test('opens again when the probe fails', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 503, {})
  const { client, seen } = clientFor(t, kki, limits)
  await failPages(client, 5)
  await until(() => client.breakerState === 1)

  await failPages(client, 1)

  assert.equal(client.breakerState, 2)
  assert.deepEqual(seen.breaker, [2, 1, 2])
})

test('does not count a probe that its caller aborted as a success', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 503, {})
  const { client } = clientFor(t, kki, limits)
  await failPages(client, 5)
  await until(() => client.breakerState === 1)
  kki.answerList = () => {}
  const leaving = new AbortController()
  const before = kki.list.length
  const probe = client.fetchPage({ limit: 1 }, callContext(leaving.signal))
  probe.catch(() => {})
  await until(() => kki.list.length > before)
  leaving.abort(new Error('gone'))

  await assert.rejects(probe, { message: 'gone' })
  assert.equal(client.breakerState, 2)
})

test('stays closed while KKI denies requests', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 403, {})
  const { client } = clientFor(t, kki, limits)

  await failPages(client, 8, 'KKI_DENIED')

  assert.equal(client.breakerState, 0)
})

test('stays closed while KKI denies the credentials', async t => {
  const kki = await startKki(t)
  kki.answerToken = (_form, response) => sendJson(response, 401, { error: 'invalid_client' })
  const { client } = clientFor(t, kki, limits)

  await failPages(client, 8, 'TOKEN_REFRESH_FAILED')

  assert.equal(client.breakerState, 0)
})

test('stays closed when callers abort', async t => {
  const kki = await startKki(t)
  kki.answerList = () => {}
  const { client } = clientFor(t, kki, limits)
  for (let call = 1; call <= 8; call++) {
    const leaving = new AbortController()
    const settled = client.fetchPage({ limit: 1 }, callContext(leaving.signal))
    settled.catch(() => {})
    await until(() => kki.list.length === call)
    leaving.abort(new Error('gone'))
    await assert.rejects(settled, { message: 'gone' })
  }

  assert.equal(client.breakerState, 0)
})
