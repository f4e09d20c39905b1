import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import {
  ApiKeyExists,
  ApiKeyNotFound,
  ApiKeyUnusable,
  createApiKey,
  listApiKeys,
  revokeApiKey,
  setApiKey
} from '../../sidecar/platform/api-key.ts'
import auth from '../../sidecar/platform/auth.ts'
import { publicKeyOf } from '../../sidecar/platform/operator.ts'
import problems from '../../sidecar/platform/problems.ts'
import protection from '../../sidecar/platform/protection.ts'
import requestIdPlugin, { requestId } from '../../sidecar/platform/request-id.ts'
import type { Role } from '../../sidecar/platform/roles.ts'
import type { Scope } from '../../sidecar/platform/scopes.ts'
import { inTransaction } from '../../sidecar/platform/transaction.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { signed, type ToSign } from '../helpers/operator.ts'

async function setUp(t: TestContext) {
  const { database, pool } = await createTestDatabase(t)
  const app = Fastify({ genReqId: requestId })
  app.decorate('database', database)
  await app.register(requestIdPlugin)
  await app.register(problems)
  await app.register(protection, { rateLimitPerMinute: 1000 })
  await app.register(auth)
  app.get('/runs', { onRequest: app.requireScope('runs:read') }, async request => request.actor)
  app.post('/runs', { onRequest: app.requireScope('runs:write') }, async request => request.actor)
  app.post('/rejections/:id', { onRequest: app.requireScope('rejections:write') }, async request => request.actor)
  t.after(() => app.close())
  const ask = async (key?: string, headers: Record<string, string> = {}, remoteAddress = '127.0.0.1') => {
    const response = await app.inject({ url: '/runs', remoteAddress, headers: { ...headers, ...(key && bearer(key)) } })
    return { status: response.statusCode, headers: response.headers, body: response.json() }
  }
  return { app, pool, ask }
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

test('a key passes with the scope', async t => {
  const { pool, ask } = await setUp(t)
  const reader = await createApiKey(pool, 'reader', ['runs:read'])
  const writer = await createApiKey(pool, 'writer', ['runs:write'])
  assert.match(reader.key, /^sdmk_[A-Za-z0-9_-]{43}$/)
  const passed = await ask(reader.key)
  assert.deepEqual([passed.status, passed.body], [200, { name: 'reader', keyId: reader.id, role: null }])
  const refused = await ask(writer.key)
  assert.deepEqual([refused.status, refused.body.code], [403, 'FORBIDDEN'])
})

test('without a key, with an unknown key and with a revoked key nothing passes', async t => {
  const { pool, ask } = await setUp(t)
  const { key } = await createApiKey(pool, 'former', ['runs:read'])
  await revokeApiKey(pool, 'former')
  for (const tried of [undefined, key, `sdmk_${'A'.repeat(43)}`, 'sdmk_short', `${key}\u0000`.slice(0, -2)]) {
    const { status, headers, body } = await ask(tried)
    assert.deepEqual([status, body.code, headers['www-authenticate']], [401, 'UNAUTHORIZED', 'Bearer'])
  }
})

describe('a request that is signed for an operator', () => {
  const rejection = '/rejections/3'

  /** An app with a route of each kind, a key that acts for operators, and a way to send signed requests. */
  async function setUpSigned(t: TestContext) {
    const { app, pool } = await setUp(t)
    const scopes: Scope[] = ['runs:read', 'rejections:write', 'runs:write', 'audit:read', 'actor:delegate']
    const { id, key } = await createApiKey(pool, 'odoo', scopes)
    const send = async (sent: Partial<ToSign>, given: { url?: string; body?: string; headers?: object } = {}) => {
      const request = { key, role: 'verifier', method: 'POST', url: rejection, body: '{"a":1}', ...sent } as ToSign
      const { authorization } = await signed(request)
      const sendAs = (authorization: string) =>
        app.inject({
          method: request.method as 'POST',
          url: given.url ?? request.url,
          headers: { authorization, 'content-type': 'application/json', ...given.headers },
          ...(request.method === 'GET' ? {} : { payload: given.body ?? request.body ?? '' })
        })
      const first = await sendAs(authorization)
      return { status: first.statusCode, body: first.json(), authorization, again: () => sendAs(authorization) }
    }
    return { app, pool, id, key, send }
  }

  test('is carried out as that operator, in their role', async t => {
    const { id, send } = await setUpSigned(t)
    const { status, body } = await send({})
    assert.deepEqual([status, body], [200, { name: 'dewi', keyId: id, role: 'verifier' }])
  })

  test('is limited to the role, whatever the key may do', async t => {
    const { send } = await setUpSigned(t)
    const may = { auditor: [200, 403, 403], verifier: [200, 200, 403], administrator: [200, 200, 200] } as const
    for (const [role, expected] of Object.entries(may) as [Role, readonly number[]][]) {
      const statuses = [
        await send({ role, method: 'GET', url: '/runs', body: '' }),
        await send({ role }),
        await send({ role, url: '/runs' })
      ].map(({ status }) => status)
      assert.deepEqual(statuses, expected, role)
    }
  })

  test('is denied without a role, and with an unknown one', async t => {
    const { send } = await setUpSigned(t)
    for (const role of [undefined, '', 'root', 'Administrator', ['administrator'], null]) {
      assert.equal((await send({ claims: { role } })).status, 401, JSON.stringify(role))
    }
  })

  test('is denied for any other method, address, query or body', async t => {
    const { send, app } = await setUpSigned(t)
    assert.equal((await send({}, { url: '/runs' })).status, 401)
    assert.equal((await send({}, { url: `${rejection}?x=1` })).status, 401)
    assert.equal((await send({ url: `${rejection}/../../runs` }, { url: '/runs' })).status, 401)
    assert.equal((await send({}, { body: '{"a":2}' })).status, 401)
    assert.equal((await send({ body: '' }, { body: '{"a":1}' })).status, 401)
    assert.equal((await send({ claims: { htm: 'GET' } })).status, 401)
    // A body that was signed and is not sent.
    const { authorization } = (await send({ claims: { jti: randomUUID() } }, { url: '/runs' })) as never
    const bare = await app.inject({ method: 'POST', url: rejection, headers: { authorization } })
    assert.equal(bare.statusCode, 401)
  })

  test('is carried out once; a read may be repeated', async t => {
    const { send } = await setUpSigned(t)
    const written = await send({})
    assert.deepEqual([written.status, (await written.again()).statusCode], [200, 401])
    const read = await send({ method: 'GET', url: '/runs', body: '' })
    assert.deepEqual([read.status, (await read.again()).statusCode], [200, 200])
  })

  test('is carried out once if it is sent many times at once', async t => {
    const { app, key } = await setUpSigned(t)
    const headers = await signed({ key, role: 'verifier', method: 'POST', url: rejection })
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => app.inject({ method: 'POST', url: rejection, headers }))
    )
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, ...Array(7).fill(401)])
  })

  test('is valid for half a minute, with clocks that differ by as much', async t => {
    const { send } = await setUpSigned(t)
    for (const [at, expected] of [
      [-50, 200],
      [-90, 401],
      [20, 200],
      [120, 401]
    ] as const) {
      const { status, body } = await send({ at })
      assert.equal(status, expected, `${at} s: ${JSON.stringify(body)}`)
      if (expected === 401) assert.match(body.detail, /clocks/)
    }
    const lasting = Math.floor(Date.now() / 1000) - 1000
    assert.equal((await send({ claims: { iat: lasting, exp: lasting + 90_000 } })).status, 401, 'signed to last')
    assert.equal((await send({ claims: { exp: undefined } })).status, 401, 'signed without an end')
    assert.equal((await send({ claims: { iat: undefined } })).status, 401, 'signed at no time')
  })

  test('is forgotten once it has expired', async t => {
    const { send, pool } = await setUpSigned(t)
    await send({})
    await pool.query(`update kki.signed_request set remembered_until = now() - interval '1 second'`)
    await send({})
    assert.equal((await pool.query('select from kki.signed_request')).rowCount, 1)
  })

  test('must be signed by an active key that acts for operators, with its algorithm', async t => {
    const { app, pool, key } = await setUpSigned(t)
    const { key: plain } = await createApiKey(pool, 'plain', ['runs:read'])
    const unknown = `sdmk_${'C'.repeat(43)}`
    const ask = async (sent: Partial<ToSign>, change = (text: string) => text) => {
      const { authorization } = await signed({ key, role: 'auditor', method: 'GET', url: '/runs', ...sent })
      const headers = { authorization: change(authorization) }
      return (await app.inject({ url: '/runs', headers })).statusCode
    }
    assert.equal(await ask({}), 200)
    assert.equal(await ask({ key: plain }), 403)
    assert.equal(await ask({ key: unknown }), 401)
    const kid = publicKeyOf(key).toString('base64url')
    assert.equal(await ask({ key: unknown, header: { kid } }), 401, 'signed by another')
    const withHead = (head: object) => (text: string) => {
      const [, body, signature] = text.split(' ')[1]?.split('.') ?? []
      return `SDMK-Operator ${Buffer.from(JSON.stringify(head)).toString('base64url')}.${body}.${signature}`
    }
    for (const alg of ['none', 'HS256', 'RS256']) assert.equal(await ask({}, withHead({ alg, kid })), 401, alg)
    assert.equal(await ask({}, text => text.replace(/\.[^.]*$/, '.AAAA')), 401)
    assert.equal(await ask({}, text => text.replace('SDMK-Operator', 'Bearer')), 401)
    await revokeApiKey(pool, 'odoo')
    await app.close()
  })

  test('must name the operator by a login on one line that is not an identity number', async t => {
    const { send } = await setUpSigned(t)
    for (const actor of [
      '',
      'a\nb',
      'a\u001b[2K',
      'dewi ',
      '\u202edewi',
      'x'.repeat(201),
      'd\u00e9wi',
      '3171 0141 0190 0077'
    ]) {
      const { status, body } = await send({ actor })
      assert.deepEqual([status, body.errors?.[0].field], [400, '/headers/authorization/sub'], JSON.stringify(actor))
      if (actor) assert.ok(!JSON.stringify(body).includes(actor))
    }
  })
})

test('X-Actor is denied for every key, signed or not', async t => {
  const { app, pool, ask } = await setUp(t)
  const { key: plain } = await createApiKey(pool, 'plain', ['runs:read'])
  const { key } = await createApiKey(pool, 'odoo', ['runs:read', 'actor:delegate'])
  for (const given of [plain, key]) assert.equal((await ask(given, { 'x-actor': 'dewi' })).status, 403)
  const headers = await signed({ key, role: 'auditor', method: 'GET', url: '/runs' })
  assert.equal((await app.inject({ url: '/runs', headers: { ...headers, 'x-actor': 'rina' } })).statusCode, 403)
})

test('keys are stored as digests, and names in use are unique', async t => {
  const { pool } = await setUp(t)
  const { key } = await createApiKey(pool, 'odoo', ['runs:read'])
  const { rows } = await pool.query('select digest from kki.api_key')
  assert.equal(rows[0].digest.length, 32)
  assert.ok(!rows[0].digest.includes(key))
  await assert.rejects(createApiKey(pool, 'odoo', ['runs:read']), ApiKeyExists)
  await revokeApiKey(pool, 'odoo')
  await createApiKey(pool, 'odoo', ['runs:read'])
})

test('a key that is revoked stops working within ten seconds, and can be revoked once', async t => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const { pool, ask } = await setUp(t)
  const { key } = await createApiKey(pool, 'former', ['runs:read'])
  assert.equal((await ask(key)).status, 200)
  await revokeApiKey(pool, 'former')
  t.mock.timers.tick(10_001)
  assert.equal((await ask(key)).status, 401)
  await assert.rejects(revokeApiKey(pool, 'former'), ApiKeyNotFound)
  await assert.rejects(revokeApiKey(pool, 'nobody'), ApiKeyNotFound)
})

test('the last use of a key is stored, to the minute', async t => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const { pool, ask } = await setUp(t)
  const { key } = await createApiKey(pool, 'reader', ['runs:read'])
  await createApiKey(pool, 'idle', ['runs:read'])
  await ask(key)
  const [idle, reader] = await listApiKeys(pool)
  assert.equal(idle?.lastUsedAt, null)
  assert.ok(reader?.lastUsedAt instanceof Date)
  t.mock.timers.tick(10_001)
  await ask(key)
  assert.deepEqual((await listApiKeys(pool))[1]?.lastUsedAt, reader.lastUsedAt, 'not written again within the minute')
  await pool.query(`update kki.api_key set last_used_at = now() - interval '61 seconds' where name = 'reader'`)
  t.mock.timers.tick(10_001)
  await ask(key)
  assert.ok(((await listApiKeys(pool))[1]?.lastUsedAt as Date) >= reader.lastUsedAt)
})

test('guessing keys is slowed down, while an active key passes from the same address', async t => {
  const { pool, ask } = await setUp(t)
  const { key } = await createApiKey(pool, 'reader', ['runs:read'])
  assert.equal((await ask(key)).status, 200)
  const guess = (n: number) => ask(`sdmk_${String(n).padStart(43, 'A')}`)
  const answers = []
  for (let n = 0; n < 80; n++) answers.push(await guess(n))
  const counts = Object.groupBy(answers, ({ status }) => String(status))
  assert.deepEqual([counts['401']?.length, counts['429']?.length], [59, 21], 'the first use of the good key counts too')
  assert.ok(Number(counts['429']?.[0]?.headers['retry-after']) > 0)
  assert.equal((await ask()).status, 429, 'without a key neither')
  assert.equal((await ask(key)).status, 200)
  assert.equal((await ask(undefined, {}, '192.0.2.7')).status, 401, 'from elsewhere as before')
})

test('a key that was created elsewhere replaces the active one of its name, and may be set again', async t => {
  const { pool, ask } = await setUp(t)
  const set = (name: string, scopes: Scope[], key: string) =>
    inTransaction(pool, client => setApiKey(client, name, scopes, key))
  const [first, second] = ['A', 'B'].map(letter => `sdmk_${letter.repeat(43)}`) as [string, string]
  const id = await set('odoo', ['runs:write'], first)
  assert.equal(await set('odoo', ['runs:read'], first), id)
  assert.equal((await ask(first)).status, 200)
  const { key: other } = await createApiKey(pool, 'other', ['runs:read'])

  await set('odoo', ['runs:read'], second)
  assert.equal((await ask(second)).status, 200)
  const { rows } = await pool.query('select name from kki.api_key where revoked_at is null order by name')
  assert.deepEqual(rows, [{ name: 'odoo' }, { name: 'other' }])
  for (const [name, key] of [
    ['odoo', first],
    ['odoo', other],
    ['odoo', 'correct-horse']
  ] as const) {
    await assert.rejects(set(name, ['runs:read'], key), (error: Error) => {
      assert.ok(error instanceof ApiKeyUnusable)
      return !error.message.includes(key)
    })
  }
  assert.equal((await ask(second)).status, 200, 'a denied request leaves the active key unchanged')
})
