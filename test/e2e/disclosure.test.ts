import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { BreachScope } from '../../sidecar/audit/breach-scope.ts'
import { channels } from '../../sidecar/audit/disclosure-channels.ts'
import { sealDisclosures } from '../../sidecar/audit/seal-disclosures.ts'
import { createApiKey, revokeApiKey } from '../../sidecar/platform/api-key.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { signed } from '../helpers/operator.ts'
import { injectPatiently } from '../helpers/patiently.ts'
import { type Connector, inject, kkiRecord, startConnector, temporaryFolder } from './helpers.ts'
import { runSdmk } from './process.ts'

const caller = { actor: 'sidecar', apiKeyId: null, requestId: 'test', traceId: 'a'.repeat(32) }

/** A connector whose registry has three people and one rejected row. */
async function setUp(t: TestContext) {
  const connector = await startConnector(t)
  const { app, pool, simulator, run } = connector
  await inject(simulator, [
    { record: kkiRecord({ nama: 'Siti Rekaan' }) },
    { record: kkiRecord({ nama: 'Budi Contoh' }) },
    { record: kkiRecord({ nama: 'Wati Misal' }) },
    { record: kkiRecord({ nama: 'dr. -' }) }
  ])
  await run({})
  const { rows } = await pool.query<{ id: number; name: string }>('select id, name from sdmk.health_worker order by id')
  const ask = async (key: string, url: string, payload?: object) =>
    injectPatiently(app, {
      method: payload ? 'POST' : 'GET',
      url,
      headers: { authorization: `Bearer ${key}` },
      ...(payload && { payload })
    })
  return { ...connector, people: rows, ask }
}

const breachScope = ({ app, secretsDir }: Connector, ...args: string[]) =>
  runSdmk(['breach-scope', ...args], {
    SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
    SDMK_SECRETS_DIR: secretsDir
  })

describe('an attacker, against the record of disclosures', () => {
  test('every route that shows people records it, and no other route does', async t => {
    const shown = new Set<string>()
    const silent = new Set<string>()
    const watch = (message: unknown) => {
      const { fastify } = message as { fastify: FastifyInstance }
      fastify.addHook('onRoute', ({ method, url, config }) => {
        for (const one of [method].flat()) {
          if (one === 'HEAD') continue
          ;(config?.shows ? shown : silent).add(`${one} ${url}`)
        }
      })
    }
    subscribe('fastify.initialization', watch)
    try {
      await startConnector(t)
    } finally {
      unsubscribe('fastify.initialization', watch)
    }
    const listed = Object.keys(channels).filter(channel => channel.includes('/'))
    assert.deepEqual([...shown].sort(), listed.sort())
    // Orders and runs: they answer with counts, states and ids of batches.
    const others = [...silent].filter(route => /health-workers|registrations|rejections|changes/.test(route)).sort()
    assert.deepEqual(others, [
      'POST /v1/health-workers/:id/erase',
      'POST /v1/health-workers/:id/restrict',
      'POST /v1/health-workers/:id/unrestrict',
      'POST /v1/rejections/:id/retry',
      'POST /v1/rejections/dismiss',
      'POST /v1/rejections/reprocess',
      'POST /v1/rejections/retry'
    ])
  })

  test('names key, operator, role, reason and ids, but no person', async t => {
    const { app, pool, people, ask } = await setUp(t)
    const { key, id: keyId } = await createApiKey(pool, 'odoo', [...scopes])
    const [siti] = people as [(typeof people)[0]]
    const url = `/v1/health-workers/${siti.id}/reveal`
    const body = JSON.stringify({ reason: 'Checked with the card' })
    const headers = await signed({ key, role: 'verifier', actor: 'wati@example.org', method: 'POST', url, body })
    const revealed = await app.inject({
      method: 'POST',
      url,
      headers: { ...headers, 'content-type': 'application/json' },
      payload: body
    })
    assert.equal(revealed.statusCode, 200, revealed.body)
    await ask(key, '/v1/health-workers/search', { name: 'Budi' })
    await ask(key, '/v1/health-workers/search', { name: 'Tidak Ada' })
    await ask(key, '/v1/health-workers/999999')
    await ask(key, '/v1/rejections')
    const { rows } = await pool.query(
      `select channel, actor, role, api_key_id as "keyId", reason, answers, people::text, rejections::text
      from kki.disclosure where channel like '%/v1/%' order by id`
    )
    const range = (id: number | undefined) => `{[${id},${Number(id) + 1})}`
    const rejection = (await pool.query('select id from kki.rejection')).rows[0].id
    const own = { actor: 'odoo', role: null, keyId, reason: null, answers: 1, rejections: '{}' }
    assert.deepEqual(rows, [
      {
        ...own,
        channel: 'POST /v1/health-workers/:id/reveal',
        actor: 'wati@example.org',
        role: 'verifier',
        reason: 'Checked with the card',
        people: range(siti.id)
      },
      { ...own, channel: 'POST /v1/health-workers/search', people: range(people[1]?.id) },
      { ...own, channel: 'GET /v1/rejections', people: '{}', rejections: range(rejection) }
    ])
  })

  test('an answer whose record cannot be stored shows nothing', async t => {
    const { pool, people, ask } = await setUp(t)
    const { key } = await createApiKey(pool, 'reader', ['registry:read'])
    await pool.query('alter table kki.disclosure rename to elsewhere')
    for (const answer of [
      await ask(key, `/v1/health-workers/${people[0]?.id}`),
      await ask(key, '/v1/health-workers/search', { name: 'Siti Rekaan' })
    ]) {
      assert.equal(answer.statusCode, 500)
      assert.doesNotMatch(answer.body, /siti/i)
    }
  })
})

describe('sdmk breach-scope', () => {
  test('counts each person that a leaked key saw in 30 days once, over all routes and until its revocation', async t => {
    const connector = await setUp(t)
    const { app, pool, people, ask } = connector
    const { key, id: keyId } = await createApiKey(pool, 'integrator', ['registry:read'])
    const { key: other } = await createApiKey(pool, 'other', ['registry:read'])
    for (const name of ['Siti Rekaan', 'Budi Contoh']) await ask(key, '/v1/health-workers/search', { name })
    await ask(key, `/v1/health-workers/${people[0]?.id}`)
    await ask(key, '/v1/rejections')
    await ask(other, `/v1/health-workers/${people[2]?.id}`)
    // Disclosures to the key a month ago; older ones are outside of the window.
    await pool.query(
      `insert into kki.disclosure (at, channel, actor, api_key_id, request_id, answers, people, rejections, unnamed)
      values (now() - interval '29 days', 'POST /v1/health-workers/search', 'integrator', $1, 'x', 3, '{[9000001,9000101)}', '{}', 0),
        (now() - interval '40 days', 'POST /v1/health-workers/search', 'integrator', $1, 'x', 3, '{[9000101,9000201)}', '{}', 0)`,
      [keyId]
    )
    await revokeApiKey(pool, 'integrator')
    await sealDisclosures(app.database, caller)

    const folder = await temporaryFolder(t)
    const file = path.join(folder, 'ids.csv')
    const since = new Date(Date.now() - 30 * 86_400_000).toISOString()
    const { code, stdout, stderr } = await breachScope(
      connector,
      ...['--key', 'integrator', '--since', since, '--ids', file, '--json']
    )
    assert.equal(code, 0, stderr)
    const scope = JSON.parse(stdout) as BreachScope
    assert.deepEqual([scope.people, scope.rejections], [102, 1])
    assert.deepEqual(
      scope.channels.map(({ channel, answers, people: count }) => [channel, answers, count]),
      [
        ['GET /v1/health-workers/:id', 1, 1],
        ['GET /v1/rejections', 1, 0],
        ['POST /v1/health-workers/search', 5, 102]
      ]
    )
    assert.ok(!scope.kinds.includes('nik'))
    assert.deepEqual([scope.proof.differing, scope.proof.unsealed], [[], 0])
    const lines = (await readFile(file, 'utf8')).trim().split('\n')
    assert.equal(lines[0], 'kind,id,first_at,last_at')
    assert.equal(lines.length, 1 + 102 + 1)
    assert.ok(lines.some(line => line.startsWith(`health_worker,${people[1]?.id},`)))
    assert.ok(!lines.some(line => line.startsWith(`health_worker,${people[2]?.id},`)))
    assert.equal((await stat(file)).mode & 0o777, 0o600)

    const words = await breachScope(connector, '--key', 'integrator', '--since', since)
    assert.match(words.stdout, /Shown or sent: 102 health workers and 1 rejected row,/)
    assert.doesNotMatch(words.stdout + lines.join(), /siti|budi/i)
  })

  test('reports a record that the owner changed, removed or added after it was sealed', async t => {
    const connector = await setUp(t)
    const { app, pool, people, ask } = connector
    const { key } = await createApiKey(pool, 'integrator', ['registry:read'])
    const since = new Date(Date.now() - 3_600_000).toISOString()
    const check = async () => {
      const { code, stdout } = await breachScope(connector, '--key', 'integrator', '--since', since, '--json')
      return { code, differing: (JSON.parse(stdout) as BreachScope).proof.differing.length }
    }
    await ask(key, `/v1/health-workers/${people[0]?.id}`)
    await ask(key, `/v1/health-workers/${people[1]?.id}`)
    await sealDisclosures(app.database, caller)
    assert.deepEqual(await check(), { code: 0, differing: 0 })
    await pool.query('alter table kki.disclosure disable trigger all')
    const { rows } = await pool.query(
      `delete from kki.disclosure where id = (select max(id) from kki.disclosure) returning *`
    )
    assert.deepEqual(await check(), { code: 1, differing: 1 })
    const { id, people: ids, request_id, actor, api_key_id, at } = rows[0]
    const putBack = (channel: string) =>
      pool.query(
        `insert into kki.disclosure (id, at, channel, actor, api_key_id, request_id, answers, people, rejections, unnamed)
        overriding system value
        values ($1, $2, $3, $4, $5, $6, 1, $7, '{}', 0)`,
        [id, at, channel, actor, api_key_id, request_id, ids]
      )
    await putBack('GET /v1/rejections')
    assert.deepEqual(await check(), { code: 1, differing: 1 })
  })

  test('is protected from the service, which cannot change, delete or backdate records', async t => {
    const { app } = await setUp(t)
    const { pool } = app.database
    for (const text of [
      `update kki.disclosure set actor = 'x'`,
      'delete from kki.disclosure',
      'truncate kki.disclosure',
      `insert into kki.disclosure (at, channel, actor, request_id, answers, people, rejections, unnamed)
        values (now(), 'odoo', 'x', 'x', 1, '{[1,2)}', '{}', 0)`
    ]) {
      await assert.rejects(pool.query(text), { code: '42501' }, text)
    }
    await pool.query('select kki.forget_disclosures(1000000)')
  })

  test('denies questions that it cannot answer', async t => {
    const connector = await startConnector(t)
    const since = '2026-01-01T00:00:00Z'
    const outcome = async (...args: string[]) => {
      const { code, stderr } = await breachScope(connector, ...args)
      return [code, stderr.split('\n')[0]]
    }
    assert.deepEqual(await outcome('--since', since), [64, 'sdmk: key: or --actor is required'])
    assert.deepEqual(await outcome('--key', 'test', '--since', since, '--until', since), [
      64,
      'sdmk: since: must be before --until'
    ])
    assert.deepEqual(await outcome('--key', 'nobody', '--since', since), [
      1,
      'sdmk: No API key has or had this name; `sdmk keys list` shows the valid keys'
    ])
    assert.equal((await outcome('--key', 'test'))[0], 64)
  })
})
