import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dumpRegistry, inject, kkiRecord, startConnector } from './helpers.ts'
import { runSdmk } from './process.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

test('a repeated window, and an overlapping one, change nothing the second time', async t => {
  const { run, simulator, pool } = await startConnector(t)
  await inject(
    simulator,
    [1, 2, 3, 4].map(day => ({ record: kkiRecord({ diubah_pada: `2026-02-0${day}T00:00:00Z` }) }))
  )
  const window = { mode: 'window', changedSince: '2026-02-01T00:00:00Z', changedUntil: '2026-02-03T00:00:00Z' }
  const first = await run(window)
  assert.equal(first.batches[0]?.ledger.created, 2, 'the start is inclusive, the end is not')
  const before = await dumpRegistry(pool)
  const second = await run(window)
  assert.equal(second.batches[0]?.ledger.unchanged, 2)
  assert.deepEqual(await dumpRegistry(pool), before)
  const overlapping = await run({
    ...window,
    changedSince: '2026-02-02T00:00:00Z',
    changedUntil: '2026-02-05T00:00:00Z'
  })
  const { created, unchanged } = overlapping.batches[0]?.ledger ?? {}
  assert.deepEqual({ created, unchanged }, { created: 2, unchanged: 1 })
})

test('a row that KKI shows ten minutes late, with its older stamp, is not missed', async t => {
  const { run, simulator, pool } = await startConnector(t)
  const late = kkiRecord({ diubah_pada: ago(12) })
  await inject(simulator, [
    { record: kkiRecord({ diubah_pada: ago(20) }) },
    { record: kkiRecord({ diubah_pada: ago(5) }) },
    { record: late, visibleFrom: new Date(Date.now() + 600_000).toISOString() }
  ])
  const first = await run({ mode: 'incremental' })
  assert.equal(first.batches[0]?.ledger.created, 2)
  await fetch(`${simulator.url}/_clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ advanceSeconds: 660 })
  })
  const second = await run({ mode: 'incremental' })
  const { created, unchanged } = second.batches[0]?.ledger ?? {}
  assert.deepEqual({ created, unchanged }, { created: 1, unchanged: 2 })
  const { rows } = await pool.query('select from sdmk.registration where str_number = $1', [late.nomor_str])
  assert.equal(rows.length, 1)
})

test('a window that leaves a gap behind the watermark does not move it', async t => {
  const { run, simulator, pool } = await startConnector(t)
  await inject(simulator, [{ record: kkiRecord({ diubah_pada: '2026-02-01T00:00:00Z' }) }])
  await run({ mode: 'window', changedSince: '2026-02-01T00:00:00Z', changedUntil: '2026-03-01T00:00:00Z' })
  assert.equal((await pool.query('select from kki.watermark')).rows.length, 0)
  const incremental = await run({ mode: 'incremental' })
  assert.equal(incremental.batches[0]?.windowSince, null)
  assert.equal((await pool.query('select from kki.watermark')).rows.length, 1)
})

test('a window on the command line has days in SDMK’s time zone, and its errors name the options', async t => {
  const { simulator, app, secretsDir } = await startConnector(t)
  await inject(
    simulator,
    ['2026-01-31T16:59:59Z', '2026-01-31T17:00:00Z', '2026-02-01T16:59:59Z', '2026-02-01T17:00:00Z'].map(stamp => ({
      record: kkiRecord({ diubah_pada: stamp })
    }))
  )
  const sync = (...args: string[]) =>
    runSdmk(['sync', '--mode', 'window', '--json', ...args], {
      SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
      SDMK_SECRETS_DIR: secretsDir,
      KKI_BASE_URL: simulator.url,
      // Neither the machine's zone nor that of KKI.
      TZ: 'America/New_York'
    })

  const done = await sync('--since', '2026-02-01', '--until', '2026-02-02')
  assert.equal(done.code, 0, done.stderr)
  assert.equal(JSON.parse(done.stdout).fetched, 2)
  const empty = await sync('--since', '2026-02-02', '--until', '2026-02-01T00:00:00+07:00')
  assert.deepEqual(empty, { code: 64, stdout: '', stderr: 'sdmk: --until: must be later than --since\n' })
  const half = await sync('--since', '2026-02-02')
  assert.deepEqual(half, { code: 64, stdout: '', stderr: 'sdmk: --until: is required with mode "window"\n' })
})

test('a command leaves the schedule to the service', async t => {
  // It has no role registry: only the command could start the due run.
  const { simulator, app, pool, secretsDir } = await startConnector(t, { env: { SDMK_ROLES: 'api' } })
  await inject(simulator, [{ record: kkiRecord() }])
  // Due at every minute of the last hour.
  await pool.query("update kki.setting set schedule = '* * * * *', changed_at = now() - interval '1 hour'")
  const env = {
    SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
    SDMK_SECRETS_DIR: secretsDir,
    KKI_BASE_URL: simulator.url
  }
  const done = await runSdmk(['sync', '--json'], env)
  assert.equal(done.code, 0, done.stderr)
  const { rows } = await pool.query('select triggered_by from kki.run')
  assert.deepEqual(rows, [{ triggered_by: 'command' }])
})
