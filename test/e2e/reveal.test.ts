import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { signed } from '../helpers/operator.ts'
import { inject, kkiRecord, startConnector } from './helpers.ts'

const nik = '3171015507900007'

describe('revealing a NIK', () => {
  test('shows it to an allowed key, records caller and reason, and forbids caching', async t => {
    const { app, pool, simulator, run } = await startConnector(t)
    await inject(simulator, [{ record: kkiRecord({ nik, tanggal_lahir: '1990-07-15', jenis_kelamin: 'P' }) }])
    await run({})
    const id = await onlyWorker(pool)
    const { key } = await createApiKey(pool, 'review', ['registry:reveal', 'actor:delegate'])
    const url = `/v1/health-workers/${id}/reveal`
    const reveal = async (payload: object) => {
      const body = JSON.stringify(payload)
      const actor = 'verifier@example.org'
      const headers = await signed({ key, role: 'verifier', actor, method: 'POST', url, body })
      return app.inject({
        method: 'POST',
        url,
        headers: { ...headers, 'content-type': 'application/json' },
        payload: body
      })
    }
    const answer = await reveal({ reason: 'Called by the hospital' })
    assert.equal(answer.statusCode, 200, answer.body)
    assert.deepEqual(answer.json(), { nik })
    assert.equal(answer.headers['cache-control'], 'no-store')
    const { rows } = await pool.query(
      `select actor, detail, to_jsonb(e)::text as text from kki.audit_event e where action = 'health_worker.nik_revealed'`
    )
    assert.equal(rows.length, 1)
    assert.equal(rows[0].actor, 'verifier@example.org')
    assert.deepEqual(rows[0].detail, { healthWorkerId: id, reason: 'Called by the hospital', role: 'verifier' })
    assert.ok(!rows[0].text.includes(nik))
    assert.equal((await reveal({})).statusCode, 400)
    assert.equal((await reveal({ reason: `It is ${nik}` })).statusCode, 400)
  })

  test('is denied without the scope, for a missing person, and for a person without a NIK', async t => {
    const { app, pool, simulator, run, call } = await startConnector(t)
    await inject(simulator, [{ record: kkiRecord({ nik: null }) }])
    await run({})
    const id = await onlyWorker(pool)
    const { key } = await createApiKey(pool, 'reader', ['registry:read'])
    const refused = await app.inject({
      method: 'POST',
      url: `/v1/health-workers/${id}/reveal`,
      headers: { authorization: `Bearer ${key}` },
      payload: { reason: 'Curious' }
    })
    assert.equal(refused.statusCode, 403)
    const absent = await call('POST', `/v1/health-workers/${id}/reveal`, { reason: 'Called' })
    assert.equal(absent.status, 409)
    assert.equal((absent.body as { code: string }).code, 'NIK_ABSENT')
    assert.equal((await call('POST', '/v1/health-workers/999999/reveal', { reason: 'Called' })).status, 404)
    const { rows } = await pool.query(`select from kki.audit_event where action = 'health_worker.nik_revealed'`)
    assert.equal(rows.length, 0)
  })
})

async function onlyWorker(pool: { query(text: string): Promise<{ rows: { id: number }[] }> }): Promise<number> {
  const { rows } = await pool.query('select id from sdmk.health_worker')
  assert.equal(rows.length, 1)
  return rows[0]?.id as number
}
