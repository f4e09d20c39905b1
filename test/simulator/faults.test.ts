import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, control, requestToken } from './client.ts'

const LIST = '/v1/tenaga-kesehatan?batas=10'

test('down breaks connections as often as configured, then ends', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'down', times: 2 })
  await assert.rejects(get(LIST), { name: 'TypeError' })
  await assert.rejects(requestToken(simulator, { grant_type: 'client_credentials' }), { name: 'TypeError' })
  assert.equal((await get(LIST)).status, 200)
  assert.equal(simulator.stats().requests['GET /v1/tenaga-kesehatan']?.down, 1)
})

test('a fault with times 0 repeats until it is cleared', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  await control(simulator, 'POST', '/_faults', { kind: 'status', status: 503, times: 0 })
  for (let call = 0; call < 3; call++) assert.equal((await get(LIST)).status, 503)
  const faults = (await (await control(simulator, 'GET', '/_faults')).json()) as { hits: number; left: null }[]
  assert.deepEqual(
    faults.map(({ hits, left }) => [hits, left]),
    [[3, null]]
  )
  assert.equal((await control(simulator, 'DELETE', '/_faults')).status, 204)
  assert.equal((await get(LIST)).status, 200)
  assert.deepEqual(simulator.listFaults(), [])
})

test('a status is sent as a problem, with Retry-After and the 401 challenge where they apply', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  for (const status of [401, 403, 429, 500, 502, 503]) {
    simulator.addFault({ kind: 'status', status, retryAfter: '7' })
    const response = await get(LIST)
    assert.equal(response.status, status)
    assert.equal(response.headers.get('retry-after'), '7')
    assert.equal(response.headers.get('www-authenticate'), status === 401 ? 'Bearer error="invalid_token"' : null)
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
  }
})

test('a status for the token endpoint does not affect the list', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'status', status: 500, on: 'token' })
  assert.equal((await get(LIST)).status, 200)
  assert.equal((await requestToken(simulator, { grant_type: 'client_credentials' })).status, 500)
})

test('a slow reply delays its caller, but not the end of the simulator', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'slow', ms: 60_000 })
  await assert.rejects(fetch(simulator.url + LIST, { signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' })
  simulator.addFault({ kind: 'slow', ms: 60_000 })
  const waiting = assert.rejects(get(LIST).then(response => assert.equal(response.status, 200)))
  await simulator.close()
  await waiting
})

test('a cut body ends in the middle of a page', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'cut-body', afterBytes: 100 })
  const response = await get(LIST)
  assert.equal(response.status, 200)
  await assert.rejects(response.text(), { name: 'TypeError' })
  assert.equal(simulator.stats().requests['GET /v1/tenaga-kesehatan']?.cut, 1)
  assert.equal((await get(LIST)).status, 200)
})

test('broken JSON arrives completely and cannot be parsed', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'broken-json' })
  const response = await get(LIST)
  assert.equal(response.status, 200)
  const body = await response.text()
  assert.throws(() => JSON.parse(body), SyntaxError)
})

test('a coding is declared as configured, whatever the body’s encoding', async t => {
  const { simulator, get } = await connect(t, { rows: 20, gzip: true })
  simulator.addFault({ kind: 'coding', declared: 'br, gzip', applied: ['br', 'gzip'] })
  simulator.addFault({ kind: 'coding', declared: 'utf-8', applied: [] })
  assert.equal(((await (await get(LIST)).json()) as { data: unknown[] }).data.length, 10)
  const response = await get(LIST)
  assert.equal(response.headers.get('content-encoding'), 'utf-8')
  assert.equal(((await response.json()) as { data: unknown[] }).data.length, 10)
})

test('an error page is empty, is the last one, and has the configured members', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'error-page', members: { errors: ['down'] } })
  const body = await (await get(LIST)).json()
  assert.deepEqual(body, { data: [], meta: { kursor_berikutnya: null }, errors: ['down'] })
})

test('a token answer has the configured members, and a working token', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'token-answer', members: { expires_in: '3599' }, without: ['refresh_token'] })
  const answer = await requestToken(simulator, { grant_type: 'client_credentials' })
  assert.deepEqual([answer.expires_in, answer.refresh_token], ['3599', undefined])
  assert.equal((await get(LIST, { authorization: `Bearer ${answer.access_token}` })).status, 200)
})

test('a redirect names the configured address', async t => {
  const { simulator } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'status', status: 302, location: 'https://login.example/', on: 'token' })
  const response = await fetch(`${simulator.url}/oauth2/token`, { method: 'POST', redirect: 'manual' })
  assert.deepEqual([response.status, response.headers.get('location')], [302, 'https://login.example/'])
})

test('a repeated cursor leads back to its own page', async t => {
  const { simulator, page } = await connect(t, { rows: 50 })
  simulator.addFault({ kind: 'repeated-cursor' })
  const first = await page({ batas: '10' })
  const kursor = first.meta.kursor_berikutnya ?? ''
  const second = await page({ batas: '10', kursor })
  assert.equal(second.meta.kursor_berikutnya, kursor)
  assert.notEqual((await page({ batas: '10', kursor })).meta.kursor_berikutnya, kursor)
})

test('an empty page has its own cursor, and no row is missing after it', async t => {
  const { simulator, page, walk } = await connect(t, { rows: 50 })
  const expected = await walk()
  simulator.addFault({ kind: 'empty-page' })
  simulator.addFault({ kind: 'empty-page', afterPages: 2 })
  assert.deepEqual((await page({ batas: '20' })).data, [])
  simulator.clearFaults()
  simulator.addFault({ kind: 'empty-page' })
  simulator.addFault({ kind: 'empty-page', afterPages: 2 })
  assert.deepEqual(await walk({ batas: '20' }), expected)
  assert.deepEqual(
    simulator.listFaults().map(({ hits }) => hits),
    [1, 1]
  )
})

test('a fault waits for the configured number of pages', async t => {
  const { simulator, get } = await connect(t, { rows: 50 })
  simulator.addFault({ kind: 'status', status: 500, afterPages: 2 })
  const statuses: number[] = []
  for (let call = 0; call < 4; call++) statuses.push((await get(LIST)).status)
  assert.deepEqual(statuses, [200, 200, 500, 200])
})

test('expired tokens are denied, later ones are accepted', async t => {
  const { simulator, token, get } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'expire-tokens' })
  assert.equal((await get(LIST)).status, 401)
  const fresh = await requestToken(simulator, { grant_type: 'refresh_token', refresh_token: token.refresh_token })
  const bearer = { authorization: `Bearer ${fresh.access_token}` }
  assert.equal((await get(LIST, bearer)).status, 200)
  simulator.addFault({ kind: 'expire-tokens', afterPages: 1 })
  assert.equal((await get(LIST, bearer)).status, 200)
  assert.equal((await get(LIST, bearer)).status, 401)
})

test('revoked refresh tokens are an invalid grant, while the access token stays valid', async t => {
  const { simulator, token, get } = await connect(t, { rows: 20 })
  simulator.addFault({ kind: 'revoke-refresh' })
  const form = { grant_type: 'refresh_token', refresh_token: token.refresh_token }
  assert.equal((await requestToken(simulator, form)).error, 'invalid_grant')
  assert.equal((await get(LIST)).status, 200)
  assert.equal((await requestToken(simulator, { grant_type: 'client_credentials' })).status, 200)
})

test('a denied client gets no token while the fault lasts', async t => {
  const { simulator } = await connect(t)
  simulator.addFault({ kind: 'refuse-client' })
  const refused = await requestToken(simulator, { grant_type: 'client_credentials' })
  assert.deepEqual([refused.status, refused.error], [401, 'invalid_client'])
  assert.equal((await requestToken(simulator, { grant_type: 'client_credentials' })).status, 200)
})

test('an unknown fault is denied, and a known one keeps its settings', async t => {
  const { simulator } = await connect(t)
  assert.equal((await control(simulator, 'POST', '/_faults', { kind: 'lightning' })).status, 400)
  assert.equal((await control(simulator, 'POST', '/_faults', { kind: 'slow' })).status, 400)
  assert.equal((await control(simulator, 'POST', '/_faults', { kind: 'slow', ms: 5, colour: 'red' })).status, 400)
  const spec = { kind: 'status', status: 429, retryAfter: '3', times: 2, afterPages: 4 }
  const response = await control(simulator, 'POST', '/_faults', spec)
  assert.equal(response.status, 201)
  assert.deepEqual(((await response.json()) as { spec: unknown }).spec, spec)
})

test('statistics count calls by route and status, and never the controls', async t => {
  const { simulator, get } = await connect(t, { rows: 20 })
  await get(LIST)
  await get('/v1/tenaga-kesehatan?batas=0')
  const answer = await (await control(simulator, 'GET', '/_stats')).json()
  const { tokenRequests, ...stats } = answer as { tokenRequests: { at: number; grantType: string; result: string }[] }
  assert.deepEqual(
    tokenRequests.map(({ grantType, result }) => [grantType, result]),
    [['client_credentials', 'issued']]
  )
  assert.deepEqual(stats, {
    requests: { 'POST /oauth2/token': { 200: 1 }, 'GET /v1/tenaga-kesehatan': { 200: 1, 400: 1 } },
    rowsServed: 10,
    pagesServed: 1,
    tokens: { client_credentials: 1, refresh_token: 0 }
  })
})
