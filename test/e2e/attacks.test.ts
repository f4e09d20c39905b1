import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import type pg from 'pg'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { patiently } from '../helpers/patiently.ts'
import { type Connector, dumpRegistry, startConnector } from './helpers.ts'
import { until } from './process.ts'

interface Answer {
  status: number
  headers: Record<string, string>
  body: string
}

let connector: Connector
let port: number
let key: string
let stored: unknown
const enders: (() => Promise<unknown>)[] = []

/** Sends raw bytes and returns the first answer; `null` if the connection was closed without one. */
function raw(bytes: string | Buffer): Promise<Answer | null> {
  return patiently(
    () => send(bytes),
    answer => ({ status: answer?.status ?? 0, retryAfter: answer?.headers['retry-after'] })
  )
}

async function send(bytes: string | Buffer): Promise<Answer | null> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  // The other side may close while it is still being written to.
  socket.on('error', () => undefined)
  socket.write(bytes)
  const timer = setTimeout(() => socket.end(), 3000)
  const answer = await text(socket).catch(() => '')
  clearTimeout(timer)
  if (answer === '') return null
  const [head = '', ...rest] = answer.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)])
  return { status: Number(statusLine.split(' ')[1]), headers: Object.fromEntries(headers), body: rest.join('\r\n\r\n') }
}

const request = (line: string, headers = '', body = '') =>
  raw(`${line} HTTP/1.1\r\nHost: sdmk\r\nConnection: close\r\nAuthorization: Bearer ${key}\r\n${headers}\r\n${body}`)

const post = (path: string, body: string, type = 'application/json', headers = '') =>
  request(`POST ${path}`, `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}`, body)

/** A correct denial: a problem with status 4xx and the id of its header. */
function assertRefused(answer: Answer | null, what: string) {
  assert.ok(answer, `${what}: no answer`)
  assert.ok(answer.status >= 400 && answer.status < 500, `${what}: ${answer.status} ${answer.body}`)
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/, what)
  const problem = JSON.parse(answer.body) as { requestId: string; status: number }
  assert.equal(problem.requestId, answer.headers['x-request-id'], what)
  assert.equal(problem.status, answer.status, what)
}

/** All data that a request could change, except the audit of denials and the last use of a key. */
async function dumpStored(pool: pg.Pool) {
  const { rows } = await pool.query(
    `select (select count(*) from kki.run) as runs, (select count(*) from kki.batch) as batches,
      (select count(*) from kki.decision) as decisions, (select json_agg(r order by id) from kki.rejection r) as rejections,
      (select json_agg(s) from kki.setting s) as settings, (select json_agg(json_build_array(id, scopes, revoked_at)) from kki.api_key) as keys,
      (select count(*) from kki.audit_event where action not in ('access.denied', 'retention.purged')) as events`
  )
  return { ...rows[0], registry: await dumpRegistry(pool) }
}

describe('attacks on the API', { timeout: 900_000 }, () => {
  before(async () => {
    connector = await startConnector({ after: (end: () => Promise<unknown>) => enders.push(end) } as never, {
      rows: 60,
      brokenShare: 0.2,
      env: { SDMK_RATE_LIMIT: '100000', SDMK_REQUEST_TIMEOUT: '1500' }
    })
    await connector.run({ mode: 'full', professions: ['doctor'] })
    // Jobs that the run started continue after its end.
    await until('the jobs of the run', async () => {
      const { rows } = await connector.pool.query(
        `select from pgboss.job where state < 'completed' and name not in ('kki-maintenance', 'audit-check') limit 1`
      )
      return rows.length === 0
    })
    await connector.app.listen({ host: '127.0.0.1', port: 0 })
    port = (connector.app.server.address() as AddressInfo).port
    key = (await createApiKey(connector.pool, 'attacker', [...scopes])).key
    stored = await dumpStored(connector.pool)
  })

  after(async () => {
    for (const end of enders) await end()
  })

  /** After each attack: the service answers, and the stored data is unchanged. */
  async function assertUnharmed() {
    const answer = await request('GET /v1/runs')
    assert.equal(answer?.status, 200)
    assert.deepEqual(await dumpStored(connector.pool), stored)
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  }

  const injections = [
    "'; drop table sdmk.health_worker; --",
    "' or '1'='1",
    '1; update kki.api_key set scopes = null',
    "\\'; select pg_sleep(10); --",
    '$1',
    'dr. Sp.PD',
    '%',
    '{"$gt": ""}'
  ]

  test('SQL in a search is a text that matches nobody', async () => {
    for (const value of injections) {
      for (const field of ['str', 'name', 'caller']) {
        const answer = await post('/v1/health-workers/search', JSON.stringify({ [field]: value }))
        assert.ok(answer)
        if (answer.status === 200) assert.deepEqual(JSON.parse(answer.body).items, [], value)
        else assertRefused(answer, value)
      }
      const byNik = JSON.stringify({ nik: value, reason: 'A test' })
      assertRefused(await post('/v1/health-workers/search-by-nik', byNik), value)
    }
    await assertUnharmed()
  })

  test('SQL in a path, a query and a header is denied', async () => {
    for (const value of injections.map(encodeURIComponent)) {
      assertRefused(await request(`GET /v1/runs/${value}`), value)
      assertRefused(await request(`GET /v1/batches?state=${value}`), value)
      assertRefused(await request(`GET /v1/runs?before=${value}`), value)
      assertRefused(await request(`GET /v1/rejections?code=${value}`), value)
      assertRefused(await request(`GET /v1/batches?traceId=${value}`), value)
    }
    const edit = JSON.stringify({ name: 'Orang' })
    const answer = await request(
      'PATCH /v1/health-workers/1',
      `If-Match: "1" or 1=1\r\nContent-Type: application/json\r\nContent-Length: ${edit.length}\r\n`,
      edit
    )
    assertRefused(answer, 'If-Match')
    await assertUnharmed()
  })

  test('headers of the caller are echoed only if they are valid', async () => {
    for (const id of ['a%0d%0aSet-Cookie: x=1', 'a\tb', '<script>', 'é', 'x'.repeat(500)]) {
      const answer = await request('GET /v1/runs', `X-Request-ID: ${id}\r\n`)
      assert.match(answer?.headers['x-request-id'] ?? '', /^[0-9a-f-]{36}$/, id)
      assert.equal(answer?.headers['set-cookie'], undefined)
    }
    assertRefused(await request('GET /v1/runs', 'X-Actor: a\x01b\r\n'), 'a control character')
    assertRefused(await request('GET /v1/runs', 'X-Actor: a\x00b\r\n'), 'NUL')
    assertRefused(await request('GET /v1/runs', 'X-Actor: a\rSet-Cookie: x=1\r\n'), 'a bare CR')
    assertRefused(await request('GET /v1/runs', 'X-Actor: one\r\n two\r\n'), 'a folded line')
    await assertUnharmed()
  })

  test('tricks with the path reach no route', async () => {
    const paths = [
      '/v1/runs/..%2f..%2fetc%2fpasswd',
      '/v1/../v1/runs',
      '//v1/runs',
      '/v1//runs',
      '/v1/runs/',
      '/v1%2fruns',
      '/V1/RUNS',
      '/v1/runs/1%2fcancel',
      '/v1/runs/%00',
      '/v1/runs/1%00',
      '/v1/runs;x=1',
      '/docs/static/..%2f..%2f..%2fpackage.json',
      '/docs/static/%2e%2e/%2e%2e/package.json',
      '/docs/static/..\\..\\package.json',
      '/docs/static/....//....//package.json',
      '/docs/static/%2fetc%2fpasswd',
      '/%',
      '/v1/runs/%ff',
      '/v1/runs/%c0%ae%c0%ae',
      `/v1/runs/${'9'.repeat(5000)}`,
      '/.env',
      '/.git/config',
      'http://other.example/v2'
    ]
    for (const path of paths) assertRefused(await request(`GET ${path}`), path)
    await assertUnharmed()
  })

  test('bodies that are too large, too deep or of another type than declared are denied', async () => {
    const deep = 200_000
    const bodies: [string, string, string?][] = [
      ['over the limit', `{"mode":"${'x'.repeat(1_100_000)}"}`],
      ['deep arrays', '['.repeat(deep) + ']'.repeat(deep)],
      ['deep objects', `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`],
      ['deep, and open', '['.repeat(deep)],
      ['deep within a field', `{"mode":${'['.repeat(deep)}${']'.repeat(deep)}}`],
      ['deep, with a prototype', `{"mode":${'['.repeat(deep)}{"__proto__":1}${']'.repeat(deep)}}`],
      ['a prototype', '{"__proto__":{"polluted":true},"mode":"full"}'],
      ['a spelled prototype', '{"\\u005f_proto__":{"polluted":true},"mode":"full"}'],
      ['a constructor', '{"constructor":{"prototype":{"polluted":true}},"mode":"full"}'],
      ['no JSON', '{mode: full}'],
      ['nothing', ''],
      ['a text', '"full"'],
      ['a number that is none', '{"mode":NaN}'],
      ['another type', '<mode>full</mode>', 'application/xml'],
      ['a form', 'mode=full', 'application/x-www-form-urlencoded'],
      ['a multipart', '--a\r\n\r\n--a--', 'multipart/form-data; boundary=a'],
      ['plain text', '{"mode":"full"}', 'text/plain'],
      ['a type that is none', '{"mode":"full"}', ';;;'],
      ['a type that begins well', '{"mode":"full"}', 'application/jsonp'],
      ['UTF-16', '\u0000{\u0000}', 'application/json'],
      ['NUL in a text', '{"mode":"full\\u0000"}'],
      ['half a character', '{"mode":"\\ud800"}']
    ]
    for (const [what, body, type] of bodies) assertRefused(await post('/v1/runs', body, type), what)
    await assertUnharmed()
  })

  test('text that the database cannot store is denied in every part of a request', async () => {
    const { rows } = await connector.pool.query<{ worker: number; rejection: number }>(
      `select (select min(id) from sdmk.health_worker)::int as worker,
        (select min(id) from kki.rejection where state = 'open')::int as rejection`
    )
    const { worker, rejection } = rows[0] as { worker: number; rejection: number }
    for (const bad of ['\\u0000', '\\ud800', 'a\\udfff', '\\uffff', '\\ud83f\\udffe', '\\u001b', '\\u009b']) {
      assertRefused(await post('/v1/health-workers/search', `{"name":"orang ${bad}"}`), bad)
      assertRefused(await post('/v1/health-workers/search', `{"str":"${bad}"}`), bad)
      assertRefused(await post(`/v1/health-workers/${worker}/reveal`, `{"reason":"because ${bad}"}`), bad)
      assertRefused(await post(`/v1/rejections/${rejection}/dismiss`, `{"reason":"because ${bad}"}`), bad)
      assertRefused(await post('/v1/rejections/dismiss', `{"ids":[${rejection}],"reason":"${bad}x"}`), bad)
    }
    assertRefused(await request('GET /v1/batches?traceId=%00'), 'NUL in a query')
    await assertUnharmed()
  })

  test('a message that is not HTTP, or two requests in one, is denied and the connection closed', async () => {
    const head = `Host: sdmk\r\nAuthorization: Bearer ${key}\r\n`
    const broken: [string, string | Buffer][] = [
      ['no HTTP', 'hello\r\n\r\n'],
      ['TLS', Buffer.from('16030100a5010000a10303', 'hex')],
      ['an unknown method', `BREW /v1/runs HTTP/1.1\r\n${head}\r\n`],
      ['a version that is none', `GET /v1/runs HTTP/9.9\r\n${head}\r\n`],
      ['no host', `GET /v1/runs HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer ${key}\r\n\r\n`],
      ['two lengths', `POST /v1/runs HTTP/1.1\r\n${head}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}`],
      [
        'a length and chunks',
        `POST /v1/runs HTTP/1.1\r\n${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
      ],
      ['chunks that are none', `POST /v1/runs HTTP/1.1\r\n${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
      ['a negative length', `POST /v1/runs HTTP/1.1\r\n${head}Content-Length: -1\r\n\r\n`],
      ['a space in a header’s name', `GET /v1/runs HTTP/1.1\r\n${head}X-A : 1\r\n\r\n`],
      ['huge headers', `GET /v1/runs HTTP/1.1\r\n${head}X-A: ${'a'.repeat(100_000)}\r\n\r\n`],
      ['thousands of headers', `GET /v1/runs HTTP/1.1\r\n${head}${'X-A: 1\r\n'.repeat(5000)}\r\n`],
      ['a long address', `GET /v1/runs?${'a'.repeat(100_000)} HTTP/1.1\r\n${head}\r\n`],
      ['headers that do not end', `GET /v1/runs HTTP/1.1\r\n${head}`],
      [
        'a body that does not come',
        `POST /v1/runs HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`
      ]
    ]
    const answers = await Promise.all(broken.map(async ([what, bytes]) => ({ what, answer: await raw(bytes) })))
    for (const { what, answer } of answers) {
      assert.ok(answer === null || (answer.status >= 400 && answer.status < 500), `${what}: ${answer?.status}`)
      if (what === 'no host') assertRefused(answer, what)
      if (answer) assert.match(answer.headers['x-request-id'] ?? '', /^[0-9a-f-]{36}$/, what)
    }
    await assertUnharmed()
  })

  test('if a header is sent twice, the one that was checked counts', async () => {
    const wrong = `sdmk_${'A'.repeat(43)}`
    // Ours comes first in `request`.
    assert.equal((await request('GET /v1/runs', `Authorization: Bearer ${wrong}\r\n`))?.status, 200)
    const other = await raw(
      `GET /v1/runs HTTP/1.1\r\nHost: sdmk\r\nConnection: close\r\nAuthorization: Bearer ${wrong}\r\nAuthorization: Bearer ${key}\r\n\r\n`
    )
    assert.equal(other?.status, 401)
    assertRefused(await request('GET /v1/runs', 'X-Actor: a\r\nX-Actor: \u00e9\r\n'), 'two actors')
    await assertUnharmed()
  })
})
