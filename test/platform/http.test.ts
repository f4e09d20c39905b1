import assert from 'node:assert/strict'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import { Type } from 'typebox'
import { DatabaseUnavailable } from '../../sidecar/platform/errors.ts'
import health from '../../sidecar/platform/health.ts'
import metrics from '../../sidecar/platform/metrics.ts'
import openapi from '../../sidecar/platform/openapi.ts'
import { Problem } from '../../sidecar/platform/problem.ts'
import problems from '../../sidecar/platform/problems.ts'
import protection from '../../sidecar/platform/protection.ts'
import requestIdPlugin, { requestId } from '../../sidecar/platform/request-id.ts'
import strictRequests from '../../sidecar/platform/strict-requests.ts'
import { validation } from '../../sidecar/platform/validation.ts'
import { oddNumbers } from '../helpers/odd-values.ts'

/** The plugins around a few routes that go wrong in every way. */
async function buildTestApp(t: TestContext, rateLimitPerMinute = 100) {
  const app = Fastify({ genReqId: requestId, ...validation }).withTypeProvider<TypeBoxTypeProvider>()
  t.after(() => app.close())
  await app.register(requestIdPlugin)
  await app.register(problems)
  await app.register(strictRequests)
  await app.register(metrics, { cacheSeconds: 0, key: null })
  await app.register(protection, { rateLimitPerMinute })
  await app.register(openapi)
  await app.register(health)
  const body = Type.Object({ mode: Type.Enum(['full', 'window']), limit: Type.Optional(Type.Integer()) }, closed)
  app.post('/echo', { schema: { body } }, async request => request.body)
  app.get('/trace', async request => ({ id: request.id, traceId: request.traceId }))
  app.get('/defect', async () => {
    throw new Error('password=hunter2 in a driver’s text')
  })
  app.get('/foreign', async () => {
    throw Object.assign(new Error('Orang Rekaan cannot be parsed'), { statusCode: 400 })
  })
  app.get('/away', async () => {
    throw new DatabaseUnavailable('db:5432', 'cannot be reached (ECONNREFUSED)')
  })
  app.get('/lost', async () => {
    throw Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' })
  })
  app.get('/busy', { schema: { response: { 200: Type.Object({}) } } }, async () => {
    throw new Problem('RUN_OPEN', 'Run 7 is open.', { runId: 7 })
  })
  return app
}

const closed = { additionalProperties: false }

test('a request id that can be logged is kept, and any other is replaced', async t => {
  const app = await buildTestApp(t)
  const kept = await app.inject({ url: '/trace', headers: { 'x-request-id': 'odoo-1.2_3' } })
  assert.equal(kept.headers['x-request-id'], 'odoo-1.2_3')
  assert.equal(kept.json().id, 'odoo-1.2_3')
  for (const id of ['a b', 'x'.repeat(129), '{"a":1}', '']) {
    const { headers } = await app.inject({ url: '/trace', headers: { 'x-request-id': id } })
    assert.match(String(headers['x-request-id']), /^[0-9a-f-]{36}$/)
  }
})

test('the trace of the caller continues under a span of ours, and an invalid one starts again', async t => {
  const app = await buildTestApp(t)
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const going = await app.inject({ url: '/trace', headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } })
  assert.equal(going.json().traceId, traceId)
  assert.match(String(going.headers.traceparent), new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`))
  for (const traceparent of [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `ff-${traceId}-00f067aa0ba902b7-01`, 'x']) {
    const { traceId: made } = (await app.inject({ url: '/trace', headers: { traceparent } })).json()
    assert.match(made, /^[0-9a-f]{32}$/)
    assert.notEqual(made, traceId)
    assert.notEqual(made, '0'.repeat(32))
  }
})

test('an invalid body is a problem that names the field and repeats no value', async t => {
  const app = await buildTestApp(t)
  const response = await app.inject({ method: 'POST', url: '/echo', payload: { mode: '3171010101900001' } })
  assert.equal(response.statusCode, 400)
  assert.match(String(response.headers['content-type']), /^application\/problem\+json/)
  const { code, type, errors } = response.json()
  assert.equal(code, 'VALIDATION_FAILED')
  assert.equal(type, 'urn:sdmk:problem:VALIDATION_FAILED')
  assert.equal(errors[0].field, '/body/mode')
  assert.doesNotMatch(response.body, /3171010101900001/)
  const unknown = await app.inject({ method: 'POST', url: '/echo', payload: { mode: 'full', mod: 1 } })
  assert.deepEqual([unknown.statusCode, unknown.json().errors[0].field], [400, '/body/mod'])
  const missing = await app.inject({ method: 'POST', url: '/echo', payload: {} })
  assert.equal(missing.json().errors[0].field, '/body/mode')
})

test('a body that is not JSON, and an address that does not exist, are problems too', async t => {
  const app = await buildTestApp(t)
  const headers = { 'content-type': 'application/json' }
  const broken = await app.inject({ method: 'POST', url: '/echo', headers, payload: '{"mode":' })
  assert.deepEqual([broken.statusCode, broken.json().code], [400, 'VALIDATION_FAILED'])
  const unknown = await app.inject({ url: '/v9/nothing' })
  assert.deepEqual([unknown.statusCode, unknown.json().code], [404, 'NOT_FOUND'])
  assert.equal(unknown.json().requestId, unknown.headers['x-request-id'])
})

test('a body or an address that is not UTF-8 is denied, and not decoded by guessing', async t => {
  const app = await buildTestApp(t)
  const send = (payload: Buffer, type = 'application/json') =>
    app.inject({ method: 'POST', url: '/echo', headers: { 'content-type': type }, payload })
  for (const type of ['application/json', 'application/json; charset=utf-8', 'application/json; charset=iso-8859-1']) {
    const latin1 = await send(Buffer.from('{"mode":"full","é":1}', 'latin1'), type)
    assert.deepEqual([latin1.statusCode, latin1.json().code], [400, 'VALIDATION_FAILED'])
    assert.equal(latin1.json().detail, 'The body is not UTF-8.')
  }
  assert.equal(
    (await send(Buffer.from('{"mode":"full"}\xed\xa0\x80', 'latin1'))).json().detail,
    'The body is not UTF-8.'
  )
  assert.equal((await send(Buffer.from('\ufeff{"mode":"full"}'))).statusCode, 200)
  assert.equal((await send(Buffer.from('{"__proto__":{"mode":1}}'))).statusCode, 400)
  for (const query of ['name=%ff', 'name=Jos%E9', 'name=100%', 'name=%ed%a0%80', 'a=1&name=%c3']) {
    const response = await app.inject(`/trace?${query}`)
    assert.deepEqual([response.statusCode, response.json().code], [400, 'VALIDATION_FAILED'], query)
    assert.equal(response.headers['x-request-id'], response.json().requestId)
    assert.ok(!response.body.includes('Jos'))
  }
  assert.equal((await app.inject('/trace?name=Jos%C3%A9&x=100%25')).statusCode, 200)
})

test('bytes beyond ASCII in an address are denied', async t => {
  const app = await buildTestApp(t)
  await app.listen({ port: 0 })
  for (const address of ['/trace?name=José', '/josé']) {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(Buffer.from(`GET ${address} HTTP/1.1\r\nhost: sdmk\r\nconnection: close\r\n\r\n`, 'latin1'))
    assert.match(await text(socket), /^HTTP\/1.1 400 /)
  }
})

test('a defect shows only its request id outside', async t => {
  const app = await buildTestApp(t)
  const response = await app.inject('/defect')
  assert.equal(response.statusCode, 500)
  assert.equal(response.json().code, 'INTERNAL_ERROR')
  assert.doesNotMatch(response.body, /hunter2|driver/)
})

test('the error text of a library is not repeated', async t => {
  const app = await buildTestApp(t)
  const response = await app.inject('/foreign')
  assert.deepEqual([response.statusCode, response.json().code], [400, 'VALIDATION_FAILED'])
  assert.doesNotMatch(response.body, /Orang/)
})

test('errors with their own code keep it, with their members', async t => {
  const app = await buildTestApp(t)
  const away = await app.inject('/away')
  assert.deepEqual([away.statusCode, away.json().code], [503, 'DATABASE_UNAVAILABLE'])
  const lost = await app.inject('/lost')
  assert.deepEqual([lost.statusCode, lost.json().code], [503, 'DATABASE_UNAVAILABLE'])
  for (const { headers } of [away, lost]) assert.match(String(headers['retry-after']), /^\d+$/)
  const busy = await app.inject('/busy')
  assert.deepEqual([busy.statusCode, busy.json().code, busy.json().runId], [409, 'RUN_OPEN', 7])
})

test('titles are in the reader’s preferred language', async t => {
  const app = await buildTestApp(t)
  const title = async (language: string) =>
    (await app.inject({ url: '/busy', headers: { 'accept-language': language } })).json().title
  const english = await title('en')
  const indonesian = await title('id-ID,id;q=0.9,en;q=0.8')
  assert.notEqual(english, indonesian)
  assert.equal(await title('en;q=0.4,id;q=0.5'), indonesian)
  assert.equal(await title('fr, *'), english)
})

test('the service is ready while all its checks answer in time, and names the one that does not', async t => {
  const app = await buildTestApp(t)
  app.health.register('good', async () => ({ breaker: 'closed' }))
  const ready = await app.inject('/readyz')
  assert.equal(ready.statusCode, 200)
  assert.equal(ready.json().checks.good.breaker, 'closed')
  app.health.register('away', async () => {
    throw new Error('postgres://me:hunter2@db failed')
  })
  app.health.register('silent', () => new Promise(() => undefined))
  const response = await app.inject('/readyz')
  assert.equal(response.statusCode, 503)
  const { checks } = response.json()
  assert.deepEqual([checks.good.status, checks.away.status, checks.silent.status], ['ok', 'failed', 'failed'])
  assert.doesNotMatch(response.body, /hunter2/)
  assert.equal((await app.inject('/livez')).statusCode, 200)
})

test('requests beyond the limit are denied with the time to wait, while health and metrics stay open', async t => {
  const app = await buildTestApp(t, 2)
  const answers = [await app.inject('/trace'), await app.inject('/trace'), await app.inject('/trace')]
  assert.deepEqual(
    answers.map(({ statusCode }) => statusCode),
    [200, 200, 429]
  )
  assert.equal(answers[2]?.json().code, 'RATE_LIMITED')
  assert.ok(Number(answers[2]?.headers['retry-after']) > 0)
  for (let count = 0; count < 4; count++) {
    assert.equal((await app.inject('/livez')).statusCode, 200)
    assert.equal((await app.inject('/metrics')).statusCode, 200)
  }
})

test('metrics name routes by their pattern', async t => {
  const app = await buildTestApp(t)
  await app.inject('/trace')
  const { body, headers } = await app.inject('/metrics')
  assert.match(String(headers['content-type']), /^text\/plain/)
  assert.match(body, /http_request_duration_seconds_count\{[^}]*route="\/trace"[^}]*\} 1/)
  assert.match(body, /nodejs_eventloop_lag_seconds/)
})

test('concurrent and shortly following scrapes share one computation, and a failed one is not kept', async t => {
  const app = Fastify({ genReqId: requestId })
  t.after(() => app.close())
  await app.register(requestIdPlugin)
  await app.register(problems)
  await app.register(metrics, { cacheSeconds: 60, key: null })
  let computed = 0
  let isDown = true
  new app.metrics.client.Gauge({
    name: 'test_computed',
    help: 'How often it was read',
    async collect() {
      await new Promise(resolve => setTimeout(resolve, 50))
      if (isDown) throw new Error('no database')
      this.set(++computed)
    }
  })
  const scrape = () => app.inject('/metrics')
  const failed = await Promise.all([scrape(), scrape()])
  assert.deepEqual(
    failed.map(({ statusCode }) => statusCode),
    [500, 500]
  )
  isDown = false
  const answers = await Promise.all(Array.from({ length: 50 }, scrape))
  for (const { body } of [...answers, await scrape()]) assert.match(body, /^test_computed 1$/m)
  assert.equal(computed, 1)
})

test('without a cache time, metrics are computed again for a later scrape', async t => {
  const app = await buildTestApp(t)
  await app.inject('/trace')
  await app.inject('/metrics')
  await app.inject('/trace')
  assert.match((await app.inject('/metrics')).body, /duration_seconds_count\{[^}]*route="\/trace"[^}]*\} 2/)
})

test('if metrics have a key, a scrape without it is denied, and reads nothing', async t => {
  const app = Fastify({ genReqId: requestId })
  t.after(() => app.close())
  await app.register(requestIdPlugin)
  await app.register(problems)
  await app.register(metrics, { cacheSeconds: 0, key: 'invented-metrics-key' })
  let computed = 0
  new app.metrics.client.Gauge({ name: 'test_keyed', help: 'How often it was read', collect: () => void computed++ })
  for (const authorization of [
    undefined,
    'Bearer',
    'Bearer wrong',
    'Basic invented-metrics-key',
    'invented-metrics-key'
  ]) {
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await app.inject({ url: '/metrics', headers })
    assert.equal(answer.statusCode, 401, authorization)
    assert.equal(answer.json().code, 'UNAUTHORIZED')
    assert.doesNotMatch(answer.body, /invented/)
  }
  assert.equal(computed, 0)
  const answer = await app.inject({ url: '/metrics', headers: { authorization: 'Bearer invented-metrics-key' } })
  assert.equal(answer.statusCode, 200)
  assert.equal(computed, 1)
})

test('the API describes itself, on a page that loads nothing from other hosts', async t => {
  const app = await buildTestApp(t)
  const { openapi: version, paths } = (await app.inject('/openapi.json')).json()
  assert.equal(version, '3.1.0')
  assert.ok('/livez' in paths && !('/metrics' in paths))
  const page = await app.inject('/docs/')
  assert.equal(page.statusCode, 200)
  assert.match(String(page.headers['content-security-policy']), /default-src 'self'/)
})

test('a number in an address is decimal digits, within what its schema allows', async t => {
  const app = Fastify({ ...validation }).withTypeProvider<TypeBoxTypeProvider>()
  t.after(() => app.close())
  await app.register(requestIdPlugin)
  await app.register(problems)
  const id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
  app.get(
    '/things/:id',
    { schema: { params: Type.Object({ id }), querystring: Type.Object({ after: id }) } },
    request => Promise.resolve({ ...request.params, ...request.query })
  )
  for (const text of oddNumbers) {
    const address = encodeURIComponent(text)
    const { statusCode, body } = await app.inject(`/things/7?after=${address}`)
    const value = /^\d+$/.test(text) ? Number(text) : 0
    assert.equal(statusCode, value >= 1 && Number.isSafeInteger(value) ? 200 : 400, `${text} ${body}`)
    if (statusCode === 400) assert.deepEqual(JSON.parse(body).errors[0].field, '/querystring/after', body)
    else assert.deepEqual(JSON.parse(body), { id: 7, after: value })
    if (text.length < 50 && text !== '')
      assert.equal((await app.inject(`/things/${address}?after=1`)).statusCode, statusCode)
  }
})
