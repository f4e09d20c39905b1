import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import {
  ApiKeyExists,
  ApiKeyNotFound,
  ApiKeyUnusable,
  createApiKey,
  listApiKeys,
  revokeApiKey,
  type Scope,
  setApiKey
} from '../../sidecar/platform/api-key.ts'
import auth from '../../sidecar/platform/auth.ts'
import problems from '../../sidecar/platform/problems.ts'
import protection from '../../sidecar/platform/protection.ts'
import requestIdPlugin, { requestId } from '../../sidecar/platform/request-id.ts'
import { inTransaction } from '../../sidecar/platform/transaction.ts'
import { createTestDatabase } from '../helpers/database.ts'

async function setUp(t: TestContext) {
  const { database, pool } = await createTestDatabase(t)
  const app = Fastify({ genReqId: requestId })
  app.decorate('database', database)
  await app.register(requestIdPlugin)
  await app.register(problems)
  await app.register(protection, { rateLimitPerMinute: 1000 })
  await app.register(auth)
  app.get('/runs', { onRequest: app.requireScope('runs:read') }, async request => request.actor)
  t.after(() => app.close())
  const ask = async (key?: string, headers: Record<string, string> = {}, remoteAddress = '127.0.0.1') => {
    const response = await app.inject({ url: '/runs', remoteAddress, headers: { ...headers, ...(key && bearer(key)) } })
    return { status: response.statusCode, headers: response.headers, body: response.json() }
  }
  return { pool, ask }
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

test('a key passes where it has the scope', async t => {
  const { pool, ask } = await setUp(t)
  const reader = await createApiKey(pool, 'reader', ['runs:read'])
  const writer = await createApiKey(pool, 'writer', ['runs:write'])
  assert.match(reader.key, /^sdmk_[A-Za-z0-9_-]{43}$/)
  const passed = await ask(reader.key)
  assert.deepEqual([passed.status, passed.body], [200, { name: 'reader', keyId: reader.id }])
  const refused = await ask(writer.key)
  assert.deepEqual([refused.status, refused.body.code], [403, 'FORBIDDEN'])
})

test('without a key, with an unknown and with a revoked one nothing passes', async t => {
  const { pool, ask } = await setUp(t)
  const { key } = await createApiKey(pool, 'former', ['runs:read'])
  await revokeApiKey(pool, 'former')
  for (const tried of [undefined, key, `sdmk_${'A'.repeat(43)}`, 'sdmk_short', `${key}\u0000`.slice(0, -2)]) {
    const { status, headers, body } = await ask(tried)
    assert.deepEqual([status, body.code, headers['www-authenticate']], [401, 'UNAUTHORIZED', 'Bearer'])
  }
})

test('only a key that may speak for others does so', async t => {
  const { pool, ask } = await setUp(t)
  const odoo = await createApiKey(pool, 'odoo', ['runs:read', 'actor:delegate'])
  const plain = await createApiKey(pool, 'plain', ['runs:read'])
  const headers = { 'x-actor': 'verifier@example.org' }
  assert.deepEqual((await ask(odoo.key, headers)).body, { name: 'verifier@example.org', keyId: odoo.id })
  assert.deepEqual((await ask(odoo.key)).body.name, 'odoo')
  assert.deepEqual((await ask(plain.key, headers)).body.name, 'plain')
  const long = await ask(odoo.key, { 'x-actor': 'x'.repeat(201) })
  assert.deepEqual([long.status, long.body.errors[0].field], [400, '/headers/x-actor'])
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

test('the last use of a key is kept, to the minute', async t => {
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

test('who guesses keys is held up, while a key that is in use passes from the same address', async t => {
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

test('a key that is made elsewhere takes the place of the one in use under its name, and may be set again', async t => {
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
  assert.equal((await ask(second)).status, 200, 'what is refused leaves the key in use as it was')
})
