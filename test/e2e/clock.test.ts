import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { type Connector, fault, inject, kkiRecord, startConnector } from './helpers.ts'

// A date that is read as local time shows here, seven hours off.
process.env.TZ = 'Asia/Jakarta'

const hour = 3600
const year = 365 * 24 * hour
const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString()

const statusOf = async ({ pool }: Connector, record: Record<string, unknown>) =>
  (await pool.query('select status from sdmk.registration where str_number = $1', [record.nomor_str])).rows[0]?.status

/** The watermark, in milliseconds since the epoch. */
const watermarkOf = async ({ pool }: Connector): Promise<number> =>
  (await pool.query<{ at: Date }>('select position as at from kki.watermark')).rows[0]?.at?.getTime() ?? 0

const onlyBatch = async ({ run }: Connector, body: object) => (await run(body)).batches[0] as BatchBody

/** A connector that knows one doctor, whose licence KKI has revoked since. */
async function withRevokedDoctor(connector: Connector) {
  const doctor = kkiRecord({ diubah_pada: ago(72 * hour) })
  await inject(connector.simulator, [{ id: 'doctor', record: doctor }])
  assert.equal((await onlyBatch(connector, { mode: 'incremental' })).state, 'applied')
  await inject(connector.simulator, [
    { id: 'doctor', record: { ...doctor, status_str: 'DICABUT', diubah_pada: ago(hour) } }
  ])
  return doctor
}

for (const [how, date] of Object.entries({
  'a year ahead': { aheadSeconds: year },
  'a year behind': { aheadSeconds: -year },
  'seven hours ahead, as local time that is called GMT': { aheadSeconds: 7 * hour },
  'an hour old, as a cache sends it': { aheadSeconds: -hour },
  'of 1994, in the form of asctime': { text: 'Sun Nov  6 08:49:37 1994' },
  'at the end of all time': { text: 'Fri, 31 Dec 9999 23:59:59 GMT' }
})) {
  test(`a single answer whose Date is ${how} fails the run, and the next run is not affected`, async t => {
    const connector = await startConnector(t)
    const doctor = await withRevokedDoctor(connector)
    const before = await watermarkOf(connector)
    await fault(connector.simulator, { kind: 'date', ...date })
    const batch = await onlyBatch(connector, { mode: 'incremental' })
    assert.deepEqual([batch.state, batch.error?.code], ['failed', 'KKI_CLOCK'])
    assert.match(
      batch.error?.detail ?? '',
      /reports the time .*Z, \d+ s (ahead of|behind) our own clock; 900 s are allowed/
    )
    assert.equal(await watermarkOf(connector), before)
    const next = await onlyBatch(connector, { mode: 'incremental' })
    assert.equal(next.state, 'applied')
    assert.equal(await statusOf(connector, doctor), 'revoked')
  })
}

test('the Date of every page is checked, not only of the first', async t => {
  const connector = await startConnector(t, { env: { KKI_PAGE_SIZE: '1' } })
  await inject(connector.simulator, [
    { record: kkiRecord({ diubah_pada: ago(72 * hour) }) },
    { record: kkiRecord({ diubah_pada: ago(48 * hour) }) },
    // The Date of its page would allow its stamp.
    { record: kkiRecord({ diubah_pada: ago(-year) }), sortStamp: ago(24 * hour) }
  ])
  await fault(connector.simulator, { kind: 'date', aheadSeconds: year, afterPages: 3 })
  const batch = await onlyBatch(connector, { mode: 'incremental' })
  assert.deepEqual([batch.state, batch.error?.code], ['failed', 'KKI_CLOCK'])
  assert.match(batch.error?.detail ?? '', /\(page 3\)/)
  const next = await onlyBatch(connector, { mode: 'incremental' })
  assert.deepEqual([next.state, next.ledger.created, next.ledger.rejected], ['applied', 2, 1])
  const { rows } = await connector.pool.query('select code from kki.rejection')
  assert.deepEqual(rows, [{ code: 'DATE_INVALID' }])
})

for (const form of ['asctime', 'RFC 850']) {
  test(`a Date in the form of ${form} is read as UTC`, async t => {
    const connector = await startConnector(t)
    const doctor = await withRevokedDoctor(connector)
    const [, day = '', month = '', year = '', time = ''] = new Date().toUTCString().split(' ')
    const weekday = new Date().toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' })
    const text =
      form === 'asctime'
        ? `${weekday.slice(0, 3)} ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`
        : `${weekday}, ${day}-${month}-${year.slice(2)} ${time} GMT`
    await fault(connector.simulator, { kind: 'date', text, times: 0 })
    const batch = await onlyBatch(connector, { mode: 'incremental' })
    assert.equal(batch.state, 'applied', batch.error?.detail)
    assert.equal(await statusOf(connector, doctor), 'revoked')
  })
}

for (const [how, text] of Object.entries({ 'without a Date': '', 'with a Date that is none': '2026-11-28 07:00:00' })) {
  test(`answers ${how} violate the contract, and the watermark stays`, async t => {
    const connector = await startConnector(t)
    await withRevokedDoctor(connector)
    const before = await watermarkOf(connector)
    await fault(connector.simulator, { kind: 'date', text, times: 0 })
    const batch = await onlyBatch(connector, { mode: 'incremental' })
    assert.deepEqual([batch.state, batch.error?.code], ['failed', 'KKI_CONTRACT'])
    assert.match(batch.error?.detail ?? '', /without a readable Date header/)
    assert.equal(await watermarkOf(connector), before)
  })
}

test('a retry of a rejected row also fails if the clock of KKI is wrong', async t => {
  const connector = await startConnector(t)
  const { call, pool, run, simulator } = connector
  await inject(simulator, [{ record: kkiRecord({ status_str: 'APA', diubah_pada: ago(hour) }) }])
  await run({ mode: 'incremental' })
  const { rows } = await pool.query(`select id from kki.rejection where state = 'open'`)
  await fault(simulator, { kind: 'date', aheadSeconds: year })
  await call('POST', `/v1/rejections/${rows[0].id}/retry`)
  const read = () => pool.query(`select state, error_code from kki.batch where kind = 'retry'`)
  const until = Date.now() + 60_000
  while ((await read()).rows[0]?.state !== 'failed' && Date.now() < until) await wait(50)
  assert.deepEqual((await read()).rows, [{ state: 'failed', error_code: 'KKI_CLOCK' }])
})

test('a watermark never passes our own clock, however far ahead a clock of KKI is allowed to be', async t => {
  const connector = await startConnector(t, { env: { KKI_CLOCK_TOLERANCE: String(30 * 24 * hour) } })
  const { simulator, run } = connector
  const doctor = kkiRecord({ diubah_pada: ago(72 * hour) })
  await inject(simulator, [{ id: 'doctor', record: doctor }])
  await fault(simulator, { kind: 'date', aheadSeconds: 20 * 24 * hour, times: 0 })
  await run({ mode: 'incremental' })
  assert.ok((await watermarkOf(connector)) <= Date.now())
  await run({ mode: 'full' })
  assert.ok((await watermarkOf(connector)) <= Date.now())
  await run({ mode: 'window', changedSince: ago(200 * hour), changedUntil: ago(-year) })
  assert.ok((await watermarkOf(connector)) <= Date.now())
  await fetch(`${simulator.url}/_faults`, { method: 'DELETE' })
  await inject(simulator, [{ id: 'doctor', record: { ...doctor, status_str: 'DICABUT', diubah_pada: ago(0) } }])
  await wait(1100)
  await run({ mode: 'incremental' })
  assert.equal(await statusOf(connector, doctor), 'revoked')
})

test('a watermark in the future fails incremental runs until a full run has stored everything', async t => {
  const connector = await startConnector(t)
  const { pool, run } = connector
  const doctor = await withRevokedDoctor(connector)
  await pool.query(`update kki.watermark set position = now() + interval '1 year'`)
  for (const request of [{ mode: 'incremental' }, { mode: 'incremental', professions: ['doctor'] }]) {
    const batch = await onlyBatch(connector, request)
    assert.deepEqual([batch.state, batch.error?.code, batch.ledger.fetched], ['failed', 'WATERMARK_AHEAD', 0])
    assert.match(batch.error?.detail ?? '', /start a full run, or move it back with "sdmk watermark set"/)
  }
  const ready = await connector.app.inject({ url: '/readyz' })
  assert.equal(ready.statusCode, 200)
  assert.match(ready.json().checks.watermark.warning, /^the watermark \(\S+Z\) is later than the clock of the database/)
  const metrics = (await connector.app.inject({ url: '/metrics' })).body
  assert.match(
    metrics,
    /sdmk_kki_troubled_batch_timestamp_seconds\{trouble="clock",batch="\d+".*reason="WATERMARK_AHEAD"/
  )

  // A window does not cover earlier changes.
  await run({ mode: 'window', changedSince: ago(60), changedUntil: ago(0) })
  assert.ok((await watermarkOf(connector)) > Date.now())
  const full = await run({ mode: 'full' })
  assert.equal(full.state, 'applied')
  assert.equal(await statusOf(connector, doctor), 'revoked')
  assert.ok((await watermarkOf(connector)) <= Date.now())
  assert.equal((await onlyBatch(connector, { mode: 'incremental' })).state, 'applied')
  assert.equal((await connector.app.inject({ url: '/readyz' })).json().checks.watermark.warning, undefined)
})

test('a window that would end before it begins fails the run', async t => {
  const connector = await startConnector(t, { env: { KKI_OVERLAP: '0' } })
  const doctor = await withRevokedDoctor(connector)
  const before = await watermarkOf(connector)
  await fault(connector.simulator, { kind: 'date', aheadSeconds: -600, times: 0 })
  const batch = await onlyBatch(connector, { mode: 'incremental' })
  assert.deepEqual([batch.state, batch.error?.code, batch.pages], ['failed', 'WINDOW_INVERTED', 0])
  assert.equal(await watermarkOf(connector), before)
  assert.equal(await statusOf(connector, doctor), 'active')
})

test('a window in the future, or with its end before its start, is denied', async t => {
  const { call } = await startConnector(t)
  for (const [since, until, message] of [
    [ago(-hour), ago(-2 * hour), /changedSince","message":"must not be in the future/],
    [ago(hour), ago(2 * hour), /changedUntil","message":"must be later than changedSince/],
    [ago(hour), ago(hour), /changedUntil","message":"must be later than changedSince/]
  ] as const) {
    const { status, body } = await call('POST', '/v1/runs', {
      mode: 'window',
      changedSince: since,
      changedUntil: until
    })
    assert.equal(status, 400)
    assert.match(JSON.stringify(body), message)
  }
})
