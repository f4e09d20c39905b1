import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callContext, clientFor } from './helpers/client.ts'
import { pageOf, sendJson, startKki } from './helpers/fake-kki.ts'

test('learns the time of KKI from the Date header of a request for one row', async t => {
  const kki = await startKki(t)
  const date = new Date(Date.now() - 60_000).toUTCString()
  kki.answerList = (_request, response) => sendJson(response, 200, pageOf([]), { date })
  const { client } = clientFor(t, kki)
  assert.equal(await client.now(callContext()), Date.parse(date))
  assert.deepEqual(
    kki.list.map(({ url }) => url.search),
    ['?batas=1']
  )
})
