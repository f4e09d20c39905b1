import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RawAnswer } from '../../sidecar/source/options.ts'
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

test('reports each answer to its observer, denials included', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => {
    response.writeHead(302, { location: '/login' }).end('moved')
  }
  const answers: { route: string; status: number; location: unknown; body: string }[] = []
  const onAnswer = ({ route, status, headers, body }: RawAnswer) =>
    answers.push({ route, status, location: headers.location, body: body.toString() })
  const { client } = clientFor(t, kki, { observer: { onAnswer } })
  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'KKI_DENIED' })
  assert.equal(answers[0]?.status, 200)
  assert.deepEqual(answers.slice(1), [
    { route: '/v1/tenaga-kesehatan', status: 302, location: '/login', body: 'moved' }
  ])
})
