import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import refusals from '../../sidecar/api/denied-requests.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import auth from '../../sidecar/platform/auth.ts'
import problems from '../../sidecar/platform/problems.ts'
import protection from '../../sidecar/platform/protection.ts'
import requestIdPlugin, { requestId } from '../../sidecar/platform/request-id.ts'
import { until } from '../e2e/process.ts'
import { createTestDatabase } from '../helpers/database.ts'

async function setUp(t: TestContext, intervalMs?: number) {
  const { database, pool } = await createTestDatabase(t)
  const app = Fastify({ genReqId: requestId })
  await app.register(requestIdPlugin)
  await app.register(problems)
  await app.register(protection, { rateLimitPerMinute: 1000 })
  await app.register(fp(async instance => void instance.decorate('database', database), { name: 'database' }))
  await app.register(auth)
  await app.register(refusals, intervalMs === undefined ? {} : { intervalMs })
  app.get('/runs/:id', { onRequest: app.requireScope('runs:read') }, async () => ({}))
  t.after(() => app.close())
  const ask = (key?: string, remoteAddress = '192.0.2.1') =>
    app.inject({ url: '/runs/1', remoteAddress, headers: key === undefined ? {} : { authorization: `Bearer ${key}` } })
  const events = async () => {
    const { rows } = await pool.query(
      `select actor, api_key_id, detail from kki.audit_event where action = 'access.denied' order by id`
    )
    return rows
  }
  return { app, pool, ask, events }
}

test('denied requests leave one event for each key and address, with counts and without any key', async t => {
  const { app, pool, ask, events } = await setUp(t)
  const writer = await createApiKey(pool, 'writer', ['runs:write'])
  const reader = await createApiKey(pool, 'reader', ['runs:read'])
  const wrong = `sdmk_${'B'.repeat(43)}`
  for (let n = 0; n < 3; n++) await ask(writer.key)
  for (let n = 0; n < 70; n++) await ask(wrong)
  await ask(undefined, '192.0.2.2')
  await ask(reader.key, '192.0.2.3')
  assert.deepEqual(await events(), [], 'they are added up first')
  await app.close()
  const written = await events()
  assert.deepEqual(
    written.map(({ actor, api_key_id, detail }) => [actor, api_key_id, detail.address, detail.count, detail.byStatus]),
    [
      ['writer', writer.id, undefined, 3, { 403: 3 }],
      ['unknown', null, '192.0.2.1', 70, { 401: 59, 429: 11 }],
      ['unknown', null, '192.0.2.2', 1, { 401: 1 }]
    ]
  )
  assert.deepEqual(written[0].detail.routes, ['GET /runs/:id'])
  for (const key of [writer.key, wrong]) assert.ok(!JSON.stringify(written).includes(key.slice(5)))
})

test('denied requests from too many addresses share one event', async t => {
  const { app, ask, events } = await setUp(t)
  for (let n = 0; n < 130; n++) await ask(undefined, `198.51.100.${n}`)
  await app.close()
  const written = await events()
  assert.equal(written.length, 101)
  assert.deepEqual([written[100].detail.count, written[100].detail.address], [30, undefined])
})

test('the events are written every minute, and the timer ends with the app', async t => {
  const { app, ask, events } = await setUp(t, 20)
  await ask()
  await until('an event is written', async () => (await events()).length > 0)
  assert.equal((await events()).length, 1)
  await wait(60)
  assert.equal((await events()).length, 1, 'nothing is written without a denied request')
  await app.close()
})
