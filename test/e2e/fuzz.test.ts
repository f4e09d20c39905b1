import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { oddInstants, oddTextsFor, oddValues, type RequestSchema, sampleOf } from '../helpers/odd-values.ts'
import { kkiRecord, startConnector } from './helpers.ts'

let people = 0
/** A record of a person whose birth date and NIK are not close to any other, so that no two resemble each other. */
function person(given: Record<string, unknown> = {}) {
  const n = ++people
  const born = new Date(Date.UTC(1950, 0, 1 + ((n * 977) % 18_250))).toISOString().slice(0, 10)
  const nik = `317101${born.slice(8)}${born.slice(5, 7)}${born.slice(2, 4)}${String((n * 6151) % 9973).padStart(4, '0')}`
  return kkiRecord({ nik, tanggal_lahir: born, ...given })
}

/** A KKI whose list is any JSON text of a test, also one that no correct server would send. */
async function startRawKki(t: TestContext) {
  const kki = { url: '', rows: [] as string[], pageSize: 20 }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://kki')
    const send = (body: string) => {
      response.writeHead(200, { 'content-type': 'application/json', date: new Date().toUTCString() })
      response.end(body)
    }
    request.resume()
    if (url.pathname === '/oauth2/token') {
      return send('{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}')
    }
    const start = Number(url.searchParams.get('kursor') ?? 0)
    const end = start + kki.pageSize
    const next = end < kki.rows.length ? `"${end}"` : 'null'
    send(`{"data":[${kki.rows.slice(start, end).join(',')}],"meta":{"kursor_berikutnya":${next}}}`)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise(resolve => server.close(resolve)))
  kki.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return kki
}

const fields = Object.keys(person())

/** Texts that break what reads them: COPY's own characters, NUL, halves of a character, a megabyte. */
const nastyText = fc.oneof(
  fc.constantFrom(
    '\\N',
    '\\.',
    '\t',
    '\n',
    '\r\n',
    '\\x00',
    '\u0000',
    '\ud800',
    '\udfff\ud800',
    "'; drop table sdmk.health_worker; --",
    '\u202e',
    '\ufeff',
    '&#0;',
    '&#xD800;',
    '9'.repeat(400),
    '\u0001\u001f'
  ),
  fc.constant('x'.repeat(1_000_000)),
  fc.string({ unit: 'binary', maxLength: 40 })
)
const nastyValue = fc.oneof(
  nastyText,
  fc.constantFrom(null, true, -0, 1e308, 1e21, [], {}, [[[]]], { toString: 1 }, ['a']),
  fc.jsonValue({ maxDepth: 3 })
)
/** JSON as a server may write it: keys that are special in JavaScript, numbers that it would round. */
const rawFragments = fc.constantFrom(
  '{"__proto__":{"nik":"3171010101900001"},"nama":"A"}',
  '{"constructor":{"prototype":{}},"nomor_str":{"__proto__":null}}',
  '{"nik":3171010101900001,"nomor_str":1e400,"nama":-0}',
  '"text"',
  'null',
  '12345678901234567890',
  '[]',
  '[[[[[[]]]]]]',
  '{"a":1,"a":2}',
  '{}'
)

interface FuzzRow {
  json: string
  /** The STR of a valid row; null if it is broken. */
  str: string | null
}

const anyRow: fc.Arbitrary<FuzzRow> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constant(null).map(() => {
      const record = person()
      return { json: JSON.stringify(record), str: String(record.nomor_str) }
    })
  },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(...fields), nastyValue).map(([field, value]) => ({
      json: JSON.stringify({ ...person(), [field]: value }),
      str: null
    }))
  },
  {
    weight: 2,
    arbitrary: fc.dictionary(nastyText, nastyValue, { maxKeys: 4 }).map(extra => ({
      json: JSON.stringify({ ...person(), ...extra }),
      str: null
    }))
  },
  { weight: 2, arbitrary: rawFragments.map(json => ({ json, str: null })) }
)

test('no broken record aborts a batch or is missing from the ledger', async t => {
  const kki = await startRawKki(t)
  const { run, pool, call } = await startConnector(t, {
    env: { KKI_BASE_URL: kki.url, KKI_PAGE_SIZE: '20', SDMK_RATE_LIMIT: '100000' }
  })
  await fc.assert(
    fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 45 }), async rows => {
      kki.rows = rows.map(({ json }) => json)
      const done = await run({ mode: 'full', professions: ['doctor'] })
      const batch = done.batches[0] as BatchBody
      const { fetched, created, linked, updated, unchanged, superseded, rejected } = batch.ledger
      assert.ok(['applied', 'held'].includes(batch.state), JSON.stringify(batch.error))
      assert.equal(fetched, rows.length)
      assert.equal(created + linked + updated + unchanged + superseded + rejected, fetched)
      if (batch.state === 'held') {
        const applied = await call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: batch.planDigest })
        assert.equal((applied.body as BatchBody).state, 'applied', JSON.stringify(applied.body))
      }
      for (const { str } of rows) {
        if (str === null) continue
        const { rowCount } = await pool.query('select from sdmk.registration where str_number = $1', [str])
        assert.equal(rowCount, 1, 'a valid row is stored whatever its neighbours are')
      }
      const { rows: kept } = await pool.query(
        `select count(distinct row_no) as n from kki.rejection_occurrence where batch_id = $1 and raw_sealed is not null`,
        [batch.id]
      )
      assert.equal(kept[0].n, rejected, 'each rejected row is kept verbatim')
      const listed = await call('GET', `/v1/batches/${batch.id}/rejections?limit=100`)
      assert.equal(listed.status, 200)
    }),
    { numRuns: 25 }
  )
  assert.equal(({} as { nik?: string }).nik, undefined, 'no prototype was polluted')
})

test('a page over KKI_MAX_BODY_BYTES fails its batch, which names the page, and SDMK is unchanged', async t => {
  const kki = await startRawKki(t)
  kki.pageSize = 2
  const { run, pool } = await startConnector(t, {
    env: { KKI_BASE_URL: kki.url, KKI_MAX_BODY_BYTES: '65536', KKI_PAGE_SIZE: '2' }
  })
  const small = () => JSON.stringify(person())
  kki.rows = [small(), small(), small(), JSON.stringify(person({ catatan: 'x'.repeat(70_000) })), small()]
  const failed = await run({ mode: 'full', professions: ['doctor'] })
  assert.equal(failed.state, 'failed')
  assert.equal(failed.batches[0]?.error?.code, 'KKI_BODY_TOO_LARGE')
  assert.match(failed.batches[0]?.error?.detail ?? '', /page 2/)
  assert.equal((await pool.query('select from sdmk.registration')).rowCount, 0)
  kki.rows = [small(), small(), small()]
  assert.equal((await run({ mode: 'full', professions: ['doctor'] })).state, 'applied')
})

interface Operation {
  parameters?: { in: string; name: string; schema: RequestSchema }[]
  requestBody?: { content: Record<string, { schema: RequestSchema }> }
}

interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  url: string
  headers: Record<string, string>
  payload?: string
}

/** Headers that each route reads, in addition to those of the document. */
const commonHeaders = ['x-actor', 'x-request-id', 'traceparent', 'accept-language', 'authorization', 'if-match']
const oddNumberInAddress =
  /\/(?:0x10|0b1|1e3|%205|5%20|5\.0|%2B5)(?:\/|\?|$)|[?&](?:before|after|limit|runId|batchId)=(?:0x10|1e3|\+5|5\.0|5\+)$/
const sendable = /^[\t\x20-\x7e\x80-\xff]*$/

/** Each request of an operation in which one place has an odd value and the others fit. */
function* requestsWithOddValues(path: string, method: string, operation: Operation): Generator<ApiRequest> {
  const parameters = operation.parameters ?? []
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema
  const build = (given: Record<string, string>, payload: unknown): ApiRequest => {
    const query = new URLSearchParams()
    const headers: Record<string, string> = {}
    let url = path
    for (const { in: part, name, schema } of parameters) {
      const text = given[`${part} ${name}`]
      if (part === 'path') url = url.replace(`{${name}}`, () => encodeURIComponent((text ?? '1').toWellFormed()))
      else if (part === 'query' && text !== undefined) query.set(name, text.toWellFormed())
      else if (part === 'header') headers[name] = text ?? String(sampleOf(schema))
    }
    for (const name of commonHeaders) {
      const text = given[`header ${name}`]
      if (text !== undefined) headers[name] = text
    }
    return {
      method: method.toUpperCase() as ApiRequest['method'],
      url: query.size > 0 ? `${url}?${query}` : url,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      // JSON may hold numbers that JavaScript does not.
      ...(body && { payload: JSON.stringify(payload).replaceAll('"1e999"', '1e999') })
    }
  }
  const whole = body && (sampleOf(body) as Record<string, unknown>)
  for (const { in: part, name, schema } of parameters) {
    for (const text of oddTextsFor(schema)) {
      if (part !== 'header' || sendable.test(text)) yield build({ [`${part} ${name}`]: text }, whole)
    }
  }
  if (!body?.properties || !whole) return
  const required = Object.fromEntries((body.required ?? []).map(name => [name, whole[name]]))
  // The kind of request decides which of its fields are read.
  const variants = Object.entries(body.properties)
    .filter(([name]) => name === 'mode' || name === 'state')
    .flatMap(([name, property]) => (property.enum ?? []).map(value => ({ ...whole, [name]: value })))
  for (const base of [required, whole, ...variants]) {
    for (const [name, property] of Object.entries(body.properties)) {
      for (const value of oddValues(property, name)) yield build({}, { ...base, [name]: value })
    }
  }
}

test('for any value in a request the answer is not 5xx, and no value is read as another', {
  timeout: 1_200_000
}, async t => {
  const { app, run, pool, call } = await startConnector(t, {
    rows: 40,
    brokenShare: 0.3,
    env: {
      SDMK_RATE_LIMIT: '1000000',
      // No server answers there; the account can still be stored.
      SDMK_ODOO_URL: 'http://127.0.0.1:9',
      SDMK_ODOO_DATABASE: 'odoo'
    }
  })
  await run({ mode: 'full', professions: ['doctor'] })
  await run({ mode: 'full', professions: ['nurse'], apply: 'hold' })
  const { key } = await createApiKey(pool, 'fuzzer', [...scopes])
  const failures: string[] = []
  const misread: string[] = []
  let sent = 0
  const send = async (request: ApiRequest) => {
    for (let attempt = 1; ; attempt++) {
      const headers = { authorization: `Bearer ${key}`, ...request.headers }
      const response = await app.inject({ ...request, headers })
      // This process runs the service as well, so it can be too busy for a moment.
      if (response.statusCode !== 503 || attempt > 50) return response
      await wait(100)
    }
  }
  const { paths } = app.swagger() as unknown as { paths: Record<string, Record<string, Operation>> }
  for (const [path, operations] of Object.entries(paths)) {
    if (!path.startsWith('/v1/')) continue
    for (const [method, operation] of Object.entries(operations)) {
      const begunAt = performance.now()
      const before = sent
      const seen = new Set<string>()
      for (const request of requestsWithOddValues(path, method, operation)) {
        const text = JSON.stringify(request)
        if (seen.has(text)) continue
        seen.add(text)
        const { statusCode, body } = await send(request)
        sent++
        const told = `${request.method} ${request.url} ${request.payload ?? ''}`.slice(0, 300)
        if (statusCode >= 500) failures.push(`${statusCode} ${told} ${body}`)
        // A number that is written in another way would be another row, or another number of rows.
        if (statusCode < 400 && oddNumberInAddress.test(request.url)) misread.push(told)
      }
      t.diagnostic(`${method} ${path}: ${sent - before} requests, ${Math.round(performance.now() - begunAt)} ms`)
    }
  }
  for (const name of commonHeaders) {
    for (const text of oddTextsFor({ type: 'string' }).filter(value => sendable.test(value))) {
      const { statusCode, body } = await send({ method: 'GET', url: '/v1/runs', headers: { [name]: text } })
      if (statusCode >= 500) failures.push(`${statusCode} ${name}: ${text.slice(0, 100)} ${body}`)
    }
  }
  assert.deepEqual({ failures: failures.slice(0, 20), misread }, { failures: [], misread: [] })
  assert.ok(sent > 3000, `${sent} requests are too few to show anything`)
  assert.equal((await call('GET', '/v1/runs')).status, 200)
})

test('an instant that does not exist is denied in every field, by the field’s name', async t => {
  const { call } = await startConnector(t)
  const bad = oddInstants.slice(oddInstants.indexOf('2026-02-01T00:00:00+07'))
  for (const instant of bad) {
    for (const field of ['changedSince', 'changedUntil']) {
      const window = { mode: 'window', changedSince: '2026-01-01T00:00:00Z', changedUntil: '2026-03-01T00:00:00Z' }
      const { status, body } = await call('POST', '/v1/runs', { ...window, [field]: instant })
      const { code, errors } = body as { code: string; errors: { field: string; message: string }[] }
      assert.deepEqual([status, code, errors[0]?.field], [400, 'VALIDATION_FAILED', `/body/${field}`], instant)
      assert.match(errors[0]?.message ?? '', /RFC 3339/)
    }
    for (const field of ['since', 'until']) {
      const { status, body } = await call('GET', `/v1/audit-events?${field}=${encodeURIComponent(instant)}`)
      const [error] = (body as { errors: { field: string }[] }).errors
      assert.deepEqual([status, error?.field], [400, `/querystring/${field}`], instant)
    }
  }
})
