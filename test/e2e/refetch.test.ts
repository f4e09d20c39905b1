import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { type Connector, inject, kkiRecord, startConnector } from './helpers.ts'
import { until } from './process.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
const hours = 60
const statusOf = async ({ pool }: Connector, record: Record<string, unknown>) =>
  (await pool.query('select status from sdmk.registration where str_number = $1', [record.nomor_str])).rows[0]?.status

test('a window run with an end in the future does not move the watermark past KKI’s time', async t => {
  const connector = await startConnector(t)
  const { run, simulator } = connector
  const doctor = kkiRecord({ diubah_pada: ago(72 * hours) })
  const id = 'doctor'
  await inject(simulator, [{ id, record: doctor }])
  await run({ mode: 'incremental' })
  const asked = await run({ mode: 'window', changedSince: ago(48 * hours), changedUntil: ago(-72 * hours) })
  assert.equal(asked.state, 'applied')
  await wait(1100)
  await inject(simulator, [{ id, record: { ...doctor, status_str: 'DICABUT', diubah_pada: ago(0) } }])
  await wait(1500)
  await run({ mode: 'incremental' })
  assert.equal(await statusOf(connector, doctor), 'revoked')
})

test('an undone window is fetched again also after the batch with its rows was discarded for another fetch', async t => {
  const connector = await startConnector(t)
  const { call, run, simulator } = connector
  const doctor = kkiRecord({ diubah_pada: ago(200 * hours) })
  const id = 'doctor'
  await inject(simulator, [{ id, record: doctor }])
  await run({ mode: 'incremental' })
  await connector.pool.query(`update kki.watermark set position = now() - interval '190 hours'`)
  await inject(simulator, [{ id, record: { ...doctor, status_str: 'DICABUT', diubah_pada: ago(100 * hours) } }])
  const revoking = (await run({ mode: 'incremental' })).batches[0] as BatchBody
  assert.equal(await statusOf(connector, doctor), 'revoked')
  await call('POST', `/v1/batches/${revoking.id}/undo`, { reason: 'KKI was asked' })
  assert.equal(await statusOf(connector, doctor), 'active')
  const again = (await run({ mode: 'incremental' })).batches[0] as BatchBody
  assert.deepEqual(again.holdReasons, ['UNDONE_WINDOW'])
  const { status } = await call('POST', `/v1/batches/${again.id}/discard`, { watermark: 'keep', reason: 'tomorrow' })
  assert.equal(status, 200)
  const third = (await run({ mode: 'incremental' })).batches[0] as BatchBody
  assert.deepEqual([third.state, third.windowSince], ['held', again.windowSince])
})

test('an undone retry is fetched again', async t => {
  const connector = await startConnector(t)
  const { call, run, simulator, pool } = connector
  const doctor = kkiRecord({ diubah_pada: ago(200 * hours) })
  const id = 'doctor'
  await inject(simulator, [{ id, record: doctor }])
  await run({ mode: 'incremental' })
  await inject(simulator, [{ id, record: { ...doctor, status_str: 'APA', diubah_pada: ago(2 * hours) } }])
  await run({ mode: 'incremental' })
  const { rows } = await pool.query(`select id from kki.rejection where state = 'open'`)
  await inject(simulator, [{ id, record: { ...doctor, status_str: 'DICABUT', diubah_pada: ago(1 * hours) } }])
  await call('POST', `/v1/rejections/${rows[0].id}/retry`)
  await until('the retry is applied', async () => (await statusOf(connector, doctor)) === 'revoked')
  // For the next run it is unchanged.
  await run({ mode: 'incremental' })
  const { rows: retries } = await pool.query(`select id from kki.batch where kind = 'retry'`)
  await call('POST', `/v1/batches/${retries[0].id}/undo`, { reason: 'KKI was asked' })
  // As after a day.
  await pool.query('update kki.watermark set position = now()')
  await connector.restart({ KKI_OVERLAP: '60' })
  const next = (await run({ mode: 'incremental' })).batches[0] as BatchBody
  assert.deepEqual([next.state, next.holdReasons], ['held', ['UNDONE_WINDOW']])
  await call('POST', `/v1/batches/${next.id}/apply`, { planDigest: next.planDigest })
  assert.equal(await statusOf(connector, doctor), 'revoked')
  assert.equal(((await run({ mode: 'incremental' })).batches[0] as BatchBody).state, 'applied')
})

test('a run over one profession fetches only its part of an undone window of all professions, and the rest stays to be fetched', async t => {
  const connector = await startConnector(t)
  const { call, run, simulator, pool } = connector
  const days = (n: number) => ago(n * 24 * hours)
  const doctor = kkiRecord({ diubah_pada: days(40) })
  const id = 'doctor'
  await inject(simulator, [{ id, record: doctor }])
  await run({ mode: 'incremental' })
  await pool.query(`update kki.watermark set position = now() - interval '30 days'`)
  // All professions, the 30th to the 10th day before today; doctors alone, the 28th to the 25th.
  const small = (await run({ mode: 'window', professions: ['doctor'], changedSince: days(28), changedUntil: days(25) }))
    .batches[0] as BatchBody
  await inject(simulator, [{ id, record: { ...doctor, status_str: 'DICABUT', diubah_pada: days(20) } }])
  const large = (await run({ mode: 'window', changedSince: days(30), changedUntil: days(10) })).batches[0] as BatchBody
  assert.equal(await statusOf(connector, doctor), 'revoked')
  for (const { id } of [small, large])
    assert.equal((await call('POST', `/v1/batches/${id}/undo`, { reason: 'x' })).status, 200)
  assert.equal(await statusOf(connector, doctor), 'active')
  await pool.query(`update kki.watermark set position = now() - interval '2 days'`)
  const again = (await run({ mode: 'window', professions: ['doctor'], changedSince: days(31), changedUntil: days(24) }))
    .batches[0] as BatchBody
  assert.deepEqual(again.holdReasons, ['UNDONE_WINDOW'])
  await call('POST', `/v1/batches/${again.id}/apply`, { planDigest: again.planDigest })
  const next = (await run({ mode: 'incremental' })).batches[0] as BatchBody
  assert.deepEqual([next.state, next.windowSince], ['held', large.windowSince])
})

test('a batch that was planned during an undo does not count as its repeated fetch', async t => {
  const { call, run, simulator, pool } = await startConnector(t)
  const doctor = kkiRecord({ diubah_pada: '2026-03-01T00:00:00Z' })
  const full = { mode: 'full', professions: ['doctor'] }
  const status = async () => (await pool.query('select status from sdmk.registration')).rows[0]?.status
  await inject(simulator, [{ id: 'doctor', record: doctor }])
  await run(full)
  await inject(simulator, [
    { id: 'doctor', record: { ...doctor, status_str: 'DICABUT', diubah_pada: '2026-04-01T00:00:00Z' } }
  ])
  const revoking = (await run(full)).batches[0] as BatchBody
  assert.equal(await status(), 'revoked')

  // As undoing a large batch takes its time.
  const slow = await pool.connect()
  await slow.query('begin; select from sdmk.health_worker for update')
  const undo = call('POST', `/v1/batches/${revoking.id}/undo`, { reason: 'KKI was asked' })
  await until('the undoing waits for the row', async () => {
    const { rows } = await pool.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    )
    return rows.length > 0
  })
  const again = (await run({ ...full, apply: 'hold' })).batches[0] as BatchBody
  assert.deepEqual([again.state, again.ledger.unchanged], ['held', 1])
  await slow.query('commit')
  slow.release()
  await undo
  await until('the batch is undone', async () => (await status()) === 'active')

  await call('POST', `/v1/batches/${again.id}/apply`, { planDigest: again.planDigest })
  await until('the batch is applied', async () => {
    const { rows } = await pool.query('select state from kki.batch where id = $1', [again.id])
    return rows[0].state === 'applied'
  })
  const next = (await run({ mode: 'incremental', professions: ['doctor'] })).batches[0] as BatchBody
  assert.deepEqual([next.state, next.windowSince, next.holdReasons], ['held', null, ['UNDONE_WINDOW']])
})

for (const end of ['keep', 'advance', 'apply'] as const) {
  test(`runs over all professions fetch an undone window again until one is applied or counts as reviewed: ${end}`, async t => {
    const { call, run, simulator } = await startConnector(t)
    const finish = (batch: BatchBody, how: typeof end) =>
      how === 'apply'
        ? call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: batch.planDigest })
        : call('POST', `/v1/batches/${batch.id}/discard`, { watermark: how, reason: 'x' })
    await inject(simulator, [{ record: kkiRecord({ diubah_pada: ago(40 * 24 * hours) }) }])
    const all = (await run({ mode: 'incremental' })).batches[0] as BatchBody
    await call('POST', `/v1/batches/${all.id}/undo`, { reason: 'x' })
    // A run over one profession overlaps the window and is held, but covers no other profession.
    const doctors = (await run({ mode: 'incremental', professions: ['doctor'] })).batches[0] as BatchBody
    assert.deepEqual(doctors.holdReasons, ['UNDONE_WINDOW'])
    await finish(doctors, 'apply')
    const again = (await run({ mode: 'incremental' })).batches[0] as BatchBody
    assert.deepEqual([again.holdReasons, again.windowSince, again.ledger.fetched], [['UNDONE_WINDOW'], null, 1])
    await finish(again, end)
    const next = (await run({ mode: 'incremental' })).batches[0] as BatchBody
    assert.equal(next.state, end === 'keep' ? 'held' : 'applied')
  })
}

test('an undone window of all professions is complete once a run over a narrowed setting is applied', async t => {
  const { call, run, simulator } = await startConnector(t)
  await inject(simulator, [{ record: kkiRecord({ diubah_pada: ago(40 * 24 * hours) }) }])
  const all = (await run({ mode: 'incremental' })).batches[0] as BatchBody
  await call('POST', `/v1/batches/${all.id}/undo`, { reason: 'x' })
  const setting = { active: true, schedule: '0 2 * * *', rejectAlertRatio: 0.2, createUnmatched: 'create' }
  const { status } = await call('PUT', '/v1/integrations/kki', { ...setting, professions: ['doctor'] })
  assert.equal(status, 200)
  const again = (await run({ mode: 'incremental' })).batches[0] as BatchBody
  assert.deepEqual([again.holdReasons, again.windowSince, again.ledger.fetched], [['UNDONE_WINDOW'], null, 1])
  await call('POST', `/v1/batches/${again.id}/apply`, { planDigest: again.planDigest })
  assert.equal((await run({ mode: 'incremental' })).state, 'applied')
})
