import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { type FakeKki, sendJson, startKki } from '../source/helpers/fake-kki.ts'
import { type Connector, startConnector } from './helpers.ts'
import { until } from './process.ts'

/** A KKI that issues tokens and tells its time, but answers every page with 503. Returns the times of the requests for pages. */
async function downKki(kki: FakeKki): Promise<number[]> {
  const asked: number[] = []
  kki.answerList = ({ url }, response) => {
    // A request for one row only asks for the time. A walk asks for more rows.
    if (url.searchParams.get('limit') === '1')
      return sendJson(response, 200, { data: [], meta: { kursor_berikutnya: null } })
    asked.push(performance.now())
    sendJson(response, 503, { status: 503, title: 'down' })
  }
  return asked
}

async function metric({ app }: Connector, name: string): Promise<number> {
  const { body } = await app.inject('/metrics')
  const line = body.split('\n').find(text => text.startsWith(`${name} `))
  assert.ok(line, name)
  return Number(line.slice(name.length + 1))
}

async function readRun({ call }: Connector, id: number): Promise<RunBody> {
  return (await call('GET', `/v1/runs/${id}`)).body as RunBody
}

describe('with KKI down', () => {
  test('a page is requested 1 + 3 times with growing pauses, then its batch fails with the reason and the alert', async t => {
    const kki = await startKki(t)
    const asked = await downKki(kki)
    const connector = await startConnector(t, { env: { KKI_BASE_URL: kki.url, KKI_RETRY_BASE: '200' } })
    const run = await connector.run({})
    const [batch] = run.batches as [BatchBody]
    assert.equal(batch.state, 'failed')
    assert.equal(batch.error?.code, 'KKI_UNAVAILABLE')
    assert.match(batch.error?.detail ?? '', /503/)
    assert.equal(asked.length, 4)
    const pauses = asked.slice(1).map((at, i) => at - (asked[i] as number))
    // Jitter lengthens a pause up to twice; a busy machine more. None is shorter.
    assert.ok(
      pauses.every((pause, i) => pause >= 0.95 * 200 * 2 ** i),
      pauses.join(', ')
    )
    assert.equal(await metric(connector, 'sdmk_kki_batches_total{state="failed"}'), 1)
    assert.equal(await metric(connector, 'sdmk_kki_retries_total'), 3)
    const { rows } = await connector.pool.query('select count(*) as n from sdmk.registration')
    assert.equal(rows[0]?.n, 0)
  })

  test('the breaker opens after five pages, reports it, and blocks requests; waiting work continues when KKI answers', async t => {
    const kki = await startKki(t)
    const asked = await downKki(kki)
    const connector = await startConnector(t, {
      env: { KKI_BASE_URL: kki.url, KKI_RETRY_BASE: '1', KKI_BREAKER_RESET: '15000' }
    })
    for (let i = 0; i < 5; i++) assert.equal((await connector.run({})).state, 'failed')
    assert.equal(await metric(connector, 'sdmk_kki_breaker_state'), 2)
    const ready = (await connector.app.inject('/readyz')).json()
    assert.equal(ready.checks.kki.breaker, 'open')
    assert.equal(ready.status, 'ok', 'the sidecar itself is fit for use')

    const before = asked.length
    const total = kki.list.length
    const started = await connector.call('POST', '/v1/runs', {})
    const { id } = started.body as RunBody
    await new Promise(resolve => setTimeout(resolve, 1500))
    assert.equal((await readRun(connector, id)).state, 'running')
    assert.equal(asked.length, before, 'no page is asked for while it is open')
    assert.equal(kki.list.length, total, 'nor anything else')

    kki.answerList = (_request, response) => sendJson(response, 200, { data: [], meta: { kursor_berikutnya: null } })
    await until('the waiting batch', async () => (await readRun(connector, id)).state === 'applied')
    assert.equal(await metric(connector, 'sdmk_kki_breaker_state'), 0)
  })
})
