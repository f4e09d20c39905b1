import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SourceClock } from '../../sidecar/kki/source-clock.ts'
import { callContext, clientFor } from './helpers/client.ts'
import { pageOf, sendJson, startKki } from './helpers/fake-kki.ts'

test('asks KKI for one row where no time is known, and for none afterwards', async t => {
  const kki = await startKki(t)
  const date = 'Tue, 03 Nov 2026 07:00:00 GMT'
  kki.answerList = (_request, response) => sendJson(response, 200, pageOf([]), { date })
  const { client } = clientFor(t, kki)

  assert.equal(await client.now(callContext()), Date.parse(date))
  const later = await client.now(callContext())

  assert.ok(later >= Date.parse(date) && later < Date.parse(date) + 5_000)
  assert.deepEqual(
    kki.list.map(({ url }) => url.search),
    ['?batas=1']
  )
})

test('a time advances with the monotonic clock and is forgotten after five minutes', t => {
  let monotonic = 1_000
  t.mock.method(performance, 'now', () => monotonic)
  const clock = new SourceClock()
  assert.equal(clock.now(), null)
  clock.set(1_700_000_000_000)

  monotonic += 1_500
  assert.equal(clock.now(), 1_700_000_001_500)
  monotonic = 1_000 + 300_000
  assert.equal(clock.now(), 1_700_000_300_000)
  monotonic += 1
  assert.equal(clock.now(), null)
})
