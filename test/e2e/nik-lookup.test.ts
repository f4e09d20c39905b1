import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { type Scope, scopes } from '../../sidecar/platform/scopes.ts'
import { injectPatiently } from '../helpers/patiently.ts'
import { inject, kkiRecord, startConnector } from './helpers.ts'

const nik = '3171014507900007'
const reason = 'A hospital asks by telephone'

/** A connector whose registry has two people, and a key that may look up three NIKs in an hour. */
async function setUp(t: TestContext, allowed: readonly Scope[] = scopes) {
  const connector = await startConnector(t, { env: { SDMK_NIK_LOOKUPS: '3' } })
  const { app, pool, simulator, run } = connector
  const person = kkiRecord({ nama: 'Siti Aminah', nik, tanggal_lahir: '1990-07-05', jenis_kelamin: 'P' })
  const other = kkiRecord({ nama: 'Budi Hartono' })
  await inject(simulator, [{ record: person }, { record: other }])
  await run({})
  const { key, id: keyId } = await createApiKey(pool, 'attacker', allowed)
  const ask = async (method: 'POST' | 'PATCH' | 'GET', url: string, payload?: object, headers = {}) => {
    const answer = await injectPatiently(app, {
      method,
      url,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(payload && { payload })
    })
    return { status: answer.statusCode, body: answer.json(), text: answer.body, headers: answer.headers }
  }
  const { rows } = await pool.query<{ id: number; name: string; version: number }>(
    'select id, name, version from sdmk.health_worker order by name'
  )
  const [budi, siti] = rows as [(typeof rows)[0], (typeof rows)[0]]
  return {
    ...connector,
    key,
    keyId,
    budi,
    siti,
    ask,
    search: (guess: string) => ask('POST', '/v1/health-workers/search-by-nik', { nik: guess, reason }),
    correct: (guess: string, why: string | undefined = reason) =>
      ask(
        'PATCH',
        `/v1/health-workers/${budi.id}`,
        { nik: guess, ...(why !== '' && { reason: why }) },
        { 'if-match': `"${budi.version}"` }
      ),
    events: async () =>
      (
        await pool.query(
          `select actor, api_key_id as "keyId", detail, to_jsonb(e)::text as text from kki.audit_event e
          where action = 'nik.looked_up' order by id`
        )
      ).rows
  }
}

/** NIKs of the person's day and region, with other serials. */
const guesses = (count: number) => Array.from({ length: count }, (_, i) => `317101450790${String(i + 1000)}`)

describe('an attacker who guesses identity numbers', () => {
  test('with every other scope learns nothing from a search: a NIK needs its own scope and a reason', async t => {
    const others = scopes.filter(scope => scope !== 'registry:search-nik')
    const { ask, search, events } = await setUp(t, others)
    assert.equal((await search(nik)).status, 403)
    assert.equal((await ask('POST', '/v1/health-workers/search', { nik })).status, 400)
    assert.equal((await ask('POST', '/v1/health-workers/search', { nik, name: 'Siti' })).status, 400)
    assert.deepEqual(await events(), [])
  })

  test('gets only as many answers as the key’s limit allows, and each is audited, found or not', async t => {
    const { ask, search, events, keyId, siti, app } = await setUp(t)
    assert.equal((await ask('POST', '/v1/health-workers/search-by-nik', { nik })).status, 400)
    const [first, second] = guesses(2) as [string, string]
    assert.deepEqual((await search(first)).body.items, [])
    assert.deepEqual((await search(second)).body.items, [])
    assert.equal((await search(nik)).body.items[0].id, siti.id)
    const limited = await search(nik)
    assert.deepEqual([limited.status, limited.body.code], [429, 'RATE_LIMITED'])
    const wait = Number(limited.headers['retry-after'])
    assert.ok(wait > 0 && wait <= 3600, `Retry-After: ${wait}`)
    const written = await events()
    assert.deepEqual(
      written.map(({ keyId, detail }) => [keyId, detail]),
      [
        [keyId, { reason, result: 'missed', foundIds: [] }],
        [keyId, { reason, result: 'missed', foundIds: [] }],
        [keyId, { reason, result: 'found', foundIds: [siti.id] }]
      ]
    )
    for (const { text } of written) assert.ok(![first, second, nik].some(number => text.includes(number)))
    const { body: metrics } = await app.inject('/metrics')
    for (const [result, count] of Object.entries({ found: 1, missed: 2, free: 0, taken: 0, limited: 1 })) {
      assert.match(metrics, new RegExp(`sdmk_nik_lookups_total\\{result="${result}"\\} ${count}\\n`))
    }
  })

  test('gets no more answers by concurrent requests or from another process', async t => {
    const { app, addReplica, key, events } = await setUp(t)
    const processes = [app, await addReplica()]
    const answers = await Promise.all(
      guesses(10).map((guess, i) =>
        processes[i % 2]?.inject({
          method: 'POST',
          url: '/v1/health-workers/search-by-nik',
          headers: { authorization: `Bearer ${key}` },
          payload: { nik: guess, reason }
        })
      )
    )
    assert.deepEqual(
      answers.map(answer => answer?.statusCode).sort(),
      [200, 200, 200, 429, 429, 429, 429, 429, 429, 429]
    )
    assert.equal((await events()).length, 3)
  })

  test('learns from a correction no owner of a NIK, no more than the limit allows, and leaves an audit event', async t => {
    const { correct, events, budi, pool } = await setUp(t)
    const unexplained = await correct(nik, '')
    assert.deepEqual([unexplained.status, unexplained.body.errors[0].field], [400, '/body/reason'])
    for (let n = 0; n < 3; n++) {
      const taken = await correct(nik)
      assert.deepEqual([taken.status, taken.body.code], [409, 'NIK_TAKEN'])
      assert.deepEqual(Object.keys(taken.body).sort(), ['code', 'detail', 'requestId', 'status', 'title', 'type'])
      assert.equal(taken.body.detail, 'Another health worker has this NIK')
    }
    assert.equal((await correct(nik)).status, 429)
    assert.equal((await correct(guesses(1)[0] as string)).status, 429)
    assert.deepEqual(
      (await events()).map(({ detail }) => detail),
      Array(3).fill({ reason, result: 'taken', healthWorkerId: budi.id, foundIds: [] })
    )
    const { rows } = await pool.query('select version from sdmk.health_worker where id = $1', [budi.id])
    assert.equal(rows[0].version, budi.version)
  })

  test('is audited also if the answer is lost: the audit is written first', async t => {
    const { correct, events } = await setUp(t)
    const free = await correct('3171014502900777')
    assert.equal(free.status, 200, free.text)
    assert.deepEqual(
      (await events()).map(({ detail }) => detail.result),
      ['free']
    )
  })
})
