import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { type Connector, fault, inject, kkiRecord, startConnector } from './helpers.ts'
import { until } from './process.ts'

async function lines({ app }: Pick<Connector, 'app'>, name: string): Promise<string[]> {
  const { body } = await app.inject('/metrics')
  return body.split('\n').filter(line => line.startsWith(name))
}

const troubled = 'sdmk_kki_troubled_batch_timestamp_seconds'

/** The troubles that there are now, with the batch that is in each. */
async function troubles(connector: Pick<Connector, 'app'>): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const line of await lines(connector, `${troubled}{`)) {
    const [, trouble, batch] = /\{trouble="(\w+)"(?:,batch="(\d+)")?/.exec(line) ?? []
    if (batch) found[trouble as string] = Number(batch)
    else assert.ok(line.endsWith('} 0'), line)
  }
  return found
}

const clear = ({ simulator }: Connector) => fetch(`${simulator.url}/_faults`, { method: 'DELETE' })
const down = { kind: 'status', status: 503, on: 'list', times: 0 }
const impatient = { KKI_RETRIES: '1', KKI_RETRY_BASE: '1', KKI_OVERLAP: '3600' }

describe('metrics', () => {
  test('have every label value at 0 before anything happens', async t => {
    const connector = await startConnector(t)
    const counters = (await lines(connector, 'sdmk_kki_')).filter(line => /_total(\{| )/.test(line))
    assert.ok(counters.length > 50, `${counters.length} series`)
    for (const line of counters) assert.ok(line.endsWith(' 0'), line)
    assert.equal((await lines(connector, `${troubled}{`)).length, 7)
    assert.deepEqual(await troubles(connector), {})
  })

  test('name the batch that is in trouble, in one series for each kind, until a later batch succeeds', async t => {
    const connector = await startConnector(t, { env: impatient })
    const { simulator, run } = connector
    const one = async (body = {}) => (await run(body)).batches[0] as BatchBody
    // A window ends with the whole second of KKI's clock: the next window fetches changes of this second.
    const put = (given = {}) =>
      inject(simulator, [
        { record: kkiRecord({ diubah_pada: new Date(simulator.now() - 60_000).toISOString(), ...given }) }
      ])

    await fault(simulator, down)
    const narrow = await one({ professions: ['doctor'] })
    assert.deepEqual(await troubles(connector), { unreachable: narrow.id })
    const wide = await one()
    assert.deepEqual(await troubles(connector), { unreachable: wide.id }, 'the newest is named')
    await clear(connector)
    await put()
    await one()
    assert.deepEqual(await troubles(connector), {}, 'a run over all makes up for one profession')

    for (let i = 0; i < 10; i++) await put({ nama: 'dr. -' })
    const rejected = await one()
    const held = await one({ apply: 'hold' })
    assert.deepEqual(await troubles(connector), { held: held.id }, 'a batch that is fetched again is held again')
    const [line] = await lines(connector, `${troubled}{trouble="held"`)
    assert.match(line ?? '', new RegExp(`trace_id="${held.traceId}".*fetched="${held.ledger.fetched}"`))
    assert.match(line ?? '', /reason="REQUESTED"/)
    assert.ok(rejected.ledger.rejected > rejected.ledger.fetched * 0.2)
    assert.equal((await lines(connector, `${troubled}{`)).length, 7)
  })

  test('count the batches that were cancelled', async t => {
    // Nobody fetches, so it waits.
    const connector = await startConnector(t, { env: { SDMK_ROLES: 'api' } })
    const started = await connector.call('POST', '/v1/runs', {})
    const cancelled = async () => (await lines(connector, 'sdmk_kki_batches_total{state="cancelled"}'))[0]
    assert.equal(await cancelled(), 'sdmk_kki_batches_total{state="cancelled"} 0')
    for (let i = 0; i < 2; i++) {
      const { status } = await connector.call('POST', `/v1/runs/${(started.body as RunBody).id}/cancel`)
      assert.equal(status, 200)
      assert.equal(await cancelled(), 'sdmk_kki_batches_total{state="cancelled"} 1')
    }
  })

  test('measure the share of rejected rows of KKI, without rows that a reviewer requested again', async t => {
    const connector = await startConnector(t, { env: impatient })
    const { simulator, run, call, pool } = connector
    const nameless = (rows: number) =>
      inject(
        simulator,
        Array.from({ length: rows }, () => ({ record: kkiRecord({ nama: 'dr. -' }) }))
      )
    await nameless(9)
    await run({})
    assert.deepEqual(await troubles(connector), {}, 'a handful of rows says nothing of KKI')
    await nameless(1)
    const anew = { mode: 'window', changedSince: '2025-12-01T00:00:00Z', changedUntil: '2026-02-01T00:00:00Z' }
    const batch = (await run(anew)).batches[0] as BatchBody
    assert.deepEqual(await troubles(connector), { rejected: batch.id })
    assert.ok((await call('POST', '/v1/rejections/retry', {})).status < 300)
    await until('rows were fetched again, in vain', async () => {
      const retried = await pool.query(
        `select from kki.batch where kind = 'retry' and state = 'applied' and rejected = 10`
      )
      return retried.rows.length === 1
    })
    await until('it is counted', async () => {
      const [line] = await lines(connector, 'sdmk_kki_batches_total{state="applied"}')
      return line?.endsWith(' 3') ?? false
    })
    assert.deepEqual(await lines(connector, 'sdmk_kki_batches_over_reject_ratio_total'), [
      'sdmk_kki_batches_over_reject_ratio_total 1'
    ])
    assert.deepEqual(await troubles(connector), { rejected: batch.id })
  })

  test('report a scheduled run as due until one has begun', async t => {
    const connector = await startConnector(t, { env: { SDMK_ROLES: 'api', KKI_SCHEDULE: '0 * * * *' } })
    const due = async () => {
      const [line] = await lines(connector, 'sdmk_kki_next_run_due_timestamp_seconds ')
      return Number(line?.split(' ')[1])
    }
    const now = Date.now() / 1000
    assert.ok((await due()) > now, 'of the hours before the integration was set up none is missed')
    await connector.pool.query(`update kki.setting set changed_at = now() - interval '2 days'`)
    const missed = await due()
    assert.ok(missed <= now && missed > now - 3600, `${missed}`)
    await connector.pool.query(
      `insert into kki.run (slot, triggered_by, mode, actor, request_id, trace_id)
      values (to_timestamp($1), 'schedule', 'incremental', 'schedule', 'test', repeat('0', 32))`,
      [missed]
    )
    assert.equal(await due(), missed + 3600)
  })
})
