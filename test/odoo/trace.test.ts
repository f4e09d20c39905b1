import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { inject, kkiRecord, waitForRun } from '../e2e/helpers.ts'
import { keepLog, type LogLine } from '../helpers/log.ts'
import { injectPatiently } from '../helpers/patiently.ts'
import { startProxy } from './helpers/proxy.ts'
import { drained, openWorld } from './helpers/world.ts'

const { odoo, skip, world } = await openWorld()

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
const ofTrace = new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`)

describe('one trace id', { skip }, () => {
  for (const transport of ['xmlrpc', 'json2'] as const) {
    test(`leads from a caller's request to KKI, the registry, the log and Odoo, over ${transport}`, {
      skip
    }, async t => {
      const { logger, lines } = keepLog()
      const { app, call, pool, proxy, simulator } = await world.connect(t, transport, { logger })
      await drained(pool)
      // KKI sorts by the stamp, and rows with equal stamps have any order, so each row needs its own stamp.
      const at = (second: number) => ({ diubah_pada: `2026-01-01T00:00:0${second}Z` })
      const broken = { record: kkiRecord({ tanggal_lahir: 'kemarin', ...at(1) }) }
      const ended = Array.from({ length: 9 }, () => ({ record: kkiRecord({ status_str: 'DICABUT', ...at(2) }) }))
      await inject(simulator, [{ record: kkiRecord() }, broken, ...ended])
      const [calls, asked, logged] = [proxy.calls.length, simulator.requests().length, lines.length]

      // The answer to the request.
      const { key } = await createApiKey(pool, `tracer ${transport}`, ['runs:write'])
      const headers = { authorization: `Bearer ${key}`, traceparent, 'x-request-id': 'caller-7' }
      const answer = await injectPatiently(app, { method: 'POST', url: '/v1/runs', headers, payload: {} })
      assert.equal(answer.statusCode, 202, answer.body)
      assert.match(String(answer.headers.traceparent), ofTrace)
      assert.equal(answer.headers['x-request-id'], 'caller-7')
      const run = await waitForRun(id => call('GET', `/v1/runs/${id}`), answer.json<RunBody>().id)
      assert.deepEqual([run.state, run.traceId, run.requestId], ['applied', traceId, 'caller-7'])
      const batchId = run.batches[0]?.id
      assert.equal(run.batches[0]?.traceId, traceId)
      await drained(pool)

      // KKI's log.
      const seen = simulator.requests().slice(asked)
      assert.ok(seen.some(({ route }) => route === 'GET /v1/tenaga-kesehatan'))
      for (const request of seen) {
        assert.match(request.traceparent ?? '', ofTrace, request.route)
        assert.equal(request.requestId, `batch-${batchId}`)
      }

      // Audit events and rejected rows.
      const { body: events } = await call('GET', `/v1/batches?traceId=${traceId}`)
      assert.deepEqual(
        (events as { items: { id: number }[] }).items.map(({ id }) => id),
        [batchId]
      )
      const audited = await pool.query(
        `select action, request_id, run_id, batch_id from kki.audit_event where trace_id = $1 order by id`,
        [traceId]
      )
      assert.deepEqual(
        audited.rows.map(({ action, request_id }) => [action, request_id]),
        [
          ['run.created', 'caller-7'],
          ['batch.applied', `batch-${batchId}`]
        ]
      )
      const { rows: refused } = await pool.query<{ id: number }>(
        `select r.id from kki.rejection r join kki.batch b on b.id = r.last_batch_id where b.trace_id = $1 order by r.id`,
        [traceId]
      )
      assert.equal(refused.length, 10)

      // The log.
      const ours = lines.slice(logged).filter(line => line.trace_id === traceId)
      const line = (msg: string) => {
        const found = ours.filter(line => line.msg === msg)
        assert.equal(found.length, 1, `${msg}: ${JSON.stringify(ours.map(line => line.msg))}`)
        return found[0] as LogLine
      }
      assert.deepEqual(idsOf(line('request answered')), { request_id: 'caller-7' })
      const format = line('a row of KKI has a format error')
      assert.deepEqual([format.code, format.page, format.row, format.path], ['DATE_INVALID', 1, 2, '/tanggal_lahir'])
      for (const text of [
        'all pages of the batch are staged',
        'the batch is applied',
        'a row of KKI has a format error'
      ]) {
        assert.deepEqual(idsOf(line(text)), { request_id: 'caller-7', run_id: run.id, batch_id: batchId }, text)
      }
      assert.ok(ours.some(line => line.msg === 'Odoo has stored rows'))
      for (const line of lines) {
        for (const name of Object.keys(line)) assert.match(name, /^[a-z]+(_[a-z]+)*$/, line.msg)
        assert.doesNotMatch(JSON.stringify(line), /kemarin|Rekaan|EQ0000/)
      }

      // Odoo: the calls, and what an operator finds.
      // The end of the audit chain is sent for events of any trace.
      const told = proxy.calls.slice(calls).filter(call => !`${call.path} ${call.body}`.includes('audit_head'))
      assert.ok(told.length >= 2)
      for (const { headers, path } of told) {
        assert.match(String(headers.traceparent), ofTrace, path)
        assert.match(String(headers['x-request-id']), /^odoo-[0-9a-f-]{36}$/)
      }
      // The batch rejected most of its rows, which raises an alert.
      const { body: metrics } = await app.inject('/metrics')
      const troubled = /^sdmk_kki_troubled_batch_timestamp_seconds\{([^}]*trouble="rejected"[^}]*)\} [1-9]/m.exec(
        metrics
      )?.[1]
      assert.match(troubled ?? metrics, new RegExp(`batch="${batchId}".*trace_id="${traceId}"`))
      assert.deepEqual(await found(), { 'sdmk.batch': [batchId], 'sdmk.rejection': refused.map(({ id }) => id) })
    })
  }

  test('begins in Odoo if an operator gives the order there', { skip }, async t => {
    const { app, pool, call } = await world.connect(t, 'json2')
    await app.listen({ host: '127.0.0.1', port: 0 })
    const between = await startProxy(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
    t.after(() => between.close())
    const { key } = await createApiKey(pool, 'odoo', ['runs:write', 'actor:delegate'])
    const { code, lines } = await inOdoo(`
env['sdmk.sidecar']._connect('${between.url}', '${key}')
print('RUN', env['sdmk.sidecar']._call('POST', '/v1/runs', body={})['id'])
`)
    assert.equal(code, 0, lines.slice(-20).join('\n'))
    const id = Number(lines.find(line => line.startsWith('RUN '))?.slice(4))
    const run = await waitForRun(run => call('GET', `/v1/runs/${run}`), id)
    const { headers } = between.calls[0] ?? assert.fail('Odoo called nobody')
    assert.match(String(headers.traceparent), new RegExp(`^00-${run.traceId}-[0-9a-f]{16}-01$`))
    assert.equal(headers['x-request-id'], run.requestId)
  })
})

/** The search for a trace id in Odoo, as an operator does it. */
async function found(): Promise<Record<string, number[]>> {
  const { code, lines } = await inOdoo(`
import json
models = ('sdmk.batch', 'sdmk.rejection')
print('FOUND', json.dumps({model: env[model].search([('trace_id', '=', '${traceId}')], order='id').ids for model in models}))
`)
  assert.equal(code, 0, lines.slice(-20).join('\n'))
  return JSON.parse(lines.find(line => line.startsWith('FOUND '))?.slice(6) ?? '{}')
}

function inOdoo(script: string) {
  return odoo.shell(world.database, script)
}

function idsOf({ request_id, run_id, batch_id }: LogLine): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ request_id, run_id, batch_id }).filter(([, id]) => id !== undefined))
}
