import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { injectPatiently } from '../helpers/patiently.ts'
import { fault, inject, kkiRecord, startConnector } from './helpers.ts'
import { until } from './process.ts'

type Problem = { code: string; requestId: string; runId?: number; errors?: { field: string }[] }

describe('the API', () => {
  test('answers 401 without a key and 403 without the scope, as problems in the language of the reader', async t => {
    const { app, pool } = await startConnector(t)
    const bare = await injectPatiently(app, {
      url: '/v1/runs',
      headers: { 'accept-language': 'id', 'x-request-id': 'abc-1' }
    })
    assert.equal(bare.statusCode, 401)
    assert.match(String(bare.headers['content-type']), /^application\/problem\+json/)
    assert.equal(bare.headers['content-language'], 'id')
    assert.equal(bare.headers['x-request-id'], 'abc-1')
    assert.equal(bare.json<Problem>().requestId, 'abc-1')
    const { key } = await createApiKey(pool, 'reader', ['runs:read'])
    const refused = await injectPatiently(app, {
      method: 'POST',
      url: '/v1/runs',
      headers: { authorization: `Bearer ${key}` },
      payload: {}
    })
    assert.equal(refused.statusCode, 403)
  })

  test('answers 409 with the open run, and cancels a run on request', async t => {
    const { call, simulator } = await startConnector(t)
    await inject(simulator, [{ record: kkiRecord() }])
    await fault(simulator, { kind: 'slow', ms: 30_000, times: 0 })
    const first = await call('POST', '/v1/runs', {})
    const { id } = first.body as RunBody
    const second = await call('POST', '/v1/runs', {})
    assert.equal(second.status, 409)
    assert.equal((second.body as Problem).code, 'RUN_OPEN')
    assert.equal((second.body as Problem).runId, id)
    const cancelled = await call('POST', `/v1/runs/${id}/cancel`)
    assert.equal((cancelled.body as RunBody).state, 'cancelled')
    await fetch(`${simulator.url}/_faults`, { method: 'DELETE' })
    assert.equal((await call('POST', '/v1/runs', {})).status, 202)
  })

  test('starts one run for one Idempotency-Key, and denies the key for another request', async t => {
    const { app, pool } = await startConnector(t)
    const { key } = await createApiKey(pool, 'operator', ['runs:write'])
    const post = (payload: object, idempotencyKey = 'once') =>
      injectPatiently(app, {
        method: 'POST',
        url: '/v1/runs',
        headers: { authorization: `Bearer ${key}`, 'idempotency-key': idempotencyKey },
        payload
      })
    const [one, two] = await Promise.all([post({ mode: 'full' }), post({ mode: 'full' })])
    assert.equal(one.statusCode, 202)
    assert.equal(two.statusCode, 202)
    assert.equal(one.json<RunBody>().id, two.json<RunBody>().id)
    assert.equal((await post({ mode: 'incremental' })).statusCode, 422)
    for (const other of ['é', 'Ã©', 'two words', '']) {
      assert.equal((await post({ mode: 'full' }, other)).statusCode, 400, other)
    }
  })

  test('names the invalid field of a request', async t => {
    const { call } = await startConnector(t)
    const cases: [object, string][] = [
      [{ mode: 'sometimes' }, '/body/mode'],
      [{ professions: ['wizard'] }, '/body/professions/0'],
      [{ changedSince: '2026-01-01T00:00:00Z' }, '/body/changedSince'],
      [{ mode: 'window', changedSince: '2026-01-01T00:00:00Z' }, '/body/changedUntil'],
      [{ unknown: true }, '/body/unknown']
    ]
    for (const [body, field] of cases) {
      const { status, body: problem } = await call('POST', '/v1/runs', body)
      assert.equal(status, 400)
      assert.equal((problem as Problem).errors?.[0]?.field, field)
    }
  })

  test('denies runs while the integration is switched off', async t => {
    const { call } = await startConnector(t)
    const setting = {
      active: false,
      schedule: '0 2 * * *',
      professions: null,
      rejectAlertRatio: 0.2,
      createUnmatched: 'create'
    }
    assert.equal((await call('PUT', '/v1/integrations/kki', setting)).status, 200)
    const { status, body } = await call('POST', '/v1/runs', {})
    assert.equal(status, 409)
    assert.equal((body as Problem).code, 'INTEGRATION_DISABLED')
  })

  test('finds people by STR in any spelling and by name, and shows no digit of the NIK', async t => {
    const { call, run, simulator } = await startConnector(t)
    const record = kkiRecord({
      nomor_str: '31.1.1.100.2.20.999999',
      nama: 'dr. Moch. Joesoef',
      tanggal_terbit: '2020-01-01'
    })
    await inject(simulator, [{ record }])
    await run({})
    for (const query of [{ str: 'STR-3111100220999999' }, { name: 'joesoef muhammad' }]) {
      const { body } = await call('POST', '/v1/health-workers/search', query)
      const { items } = body as { items: { id: number; hasNik: boolean }[] }
      assert.equal(items.length, 1, JSON.stringify(query))
      assert.equal(items[0]?.hasNik, true)
      assert.ok(!JSON.stringify(body).includes(String(record.nik)))
      assert.equal((await call('GET', `/v1/health-workers/${items[0]?.id}`)).status, 200)
    }
    assert.equal((await call('GET', '/v1/health-workers/999999')).status, 404)
  })

  test('shows every label of every counter from the start, at 0, and counts the effects of a run', async t => {
    const { app, run, simulator } = await startConnector(t)
    const scrape = async () => (await app.inject('/metrics')).body
    const before = await scrape()
    for (const outcome of [
      'fetched',
      'created',
      'linked',
      'updated',
      'unchanged',
      'superseded',
      'rejected',
      'deactivated'
    ]) {
      assert.match(before, new RegExp(`^sdmk_kki_rows_total\\{outcome="${outcome}"\\} 0$`, 'm'))
    }
    assert.match(before, /^sdmk_kki_rejections_total\{code="STR_AMBIGUOUS"\} 0$/m)
    assert.match(before, /^sdmk_integration_active 1$/m)
    await inject(simulator, [{ record: kkiRecord() }, { record: kkiRecord({ profesi: 'DUKUN' }) }])
    await run({})
    // A batch is counted right after the commit that others see.
    await until('the counters', async () => /^sdmk_kki_rows_total\{outcome="created"\} 1$/m.test(await scrape()))
    const after = await scrape()
    assert.match(after, /^sdmk_kki_rejections_total\{code="PROFESSION_UNKNOWN"\} 1$/m)
    assert.match(after, /^sdmk_kki_requests_total\{status="200"\} [1-9]/m)
    assert.match(after, /^sdmk_kki_last_success_timestamp_seconds \d/m)
  })

  test('answers that it is alive and ready, and describes itself', async t => {
    const { app } = await startConnector(t)
    assert.equal((await app.inject('/livez')).statusCode, 200)
    const ready = await app.inject('/readyz')
    assert.equal(ready.statusCode, 200, ready.body)
    assert.deepEqual(Object.keys(ready.json<{ checks: object }>().checks).sort(), [
      'database',
      'kki',
      'queue',
      'secrets',
      'watermark'
    ])
    assert.equal((await injectPatiently(app, { url: '/docs' })).statusCode, 200)
    assert.equal((await injectPatiently(app, { url: '/openapi.json' })).json<{ openapi: string }>().openapi, '3.1.0')
  })

  test('every write leaves an audit event with its caller and trace id', async t => {
    const { run, pool } = await startConnector(t)
    const { traceId } = await run({})
    const { rows } = await pool.query('select action, actor, trace_id from kki.audit_event order by id')
    assert.deepEqual(rows, [
      { action: 'run.created', actor: 'test', trace_id: traceId },
      { action: 'batch.applied', actor: 'sidecar', trace_id: traceId }
    ])
    await assert.rejects(pool.query('delete from kki.audit_event'), /append-only/)
    await assert.rejects(pool.query(`update kki.audit_event set actor = 'nobody'`), /append-only/)
  })
})
