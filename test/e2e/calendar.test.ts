import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { turnClock } from '../../sidecar/sync/clock.ts'
import { today } from '../../sidecar/sync/plan-and-apply.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'
import { inject, kkiRecord, startConnector } from './helpers.ts'

const kki2004 = (n: number) => `311110022099${String(n).padStart(4, '0')}`
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
const quiet = { batchApplied: () => {} } as never

test('licences expire on the day after their last day, in one batch over all replicas', async t => {
  const { app, call, pool, run, simulator } = await startConnector(t)
  const until = ['2031-05-01', '2031-05-02', null, '2031-05-02']
  const records = until.map((berlaku_sampai, i) => kkiRecord({ nomor_str: kki2004(i), berlaku_sampai }))
  await inject(
    simulator,
    records.map(record => ({ record }))
  )
  await run({})
  const database = createDatabase({ url: String(pool.options.connectionString), maxConnections: 2 }, silent)
  database.setOdooOutbox(async () => {})
  t.after(() => database.pool.end())
  const context = [app.database, database].map(each => ({ database: each, metrics: quiet, logger: silent }))
  assert.deepEqual(await Promise.all(context.map(each => turnClock(each, '2031-05-01'))), [null, null])

  const turned = await Promise.all(context.map(each => turnClock(each, '2031-05-02')))
  const [batch] = turned.filter(each => each !== null)
  assert.equal(turned.filter(each => each !== null).length, 1)
  const shown = (await call('GET', `/v1/batches/${batch?.id}`)).body as BatchBody
  assert.deepEqual([shown.kind, shown.state, shown.asOf], ['clock', 'applied', '2031-05-02'])
  assert.deepEqual([shown.ledger.fetched, shown.ledger.updated, shown.ledger.deactivated], [1, 1, 1])
  await turnClock({ database, metrics: quiet, logger: silent }, '2031-05-03')
  const { rows } = await pool.query('select status, stated_status from sdmk.registration order by str_number')
  assert.deepEqual(
    rows.map(({ status, stated_status }) => `${status} ${stated_status}`),
    ['expired active', 'expired active', 'active active', 'expired active']
  )

  const undone = await call('POST', `/v1/batches/${batch?.id}/undo`, { reason: 'the clock was wrong' })
  assert.equal(undone.status, 200, JSON.stringify(undone.body))
})

test('a day begins when the clocks of the database and of the process both say so', async t => {
  const { pool } = await createTestDatabase(t)
  const day = 86_400_000
  const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10)
  const now = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now: now - day })
  assert.equal(await today(pool, 'UTC'), dayOf(now - day), 'the clock of the database is ahead')
  t.mock.timers.setTime(now + day)
  // Midnight may have passed since.
  assert.ok([dayOf(now), dayOf(now + 60_000)].includes(await today(pool, 'UTC')), 'that of the process is ahead')
})

test('licences that two full runs in a row do not show are listed, and stay unchanged until KKI shows them again', async t => {
  const { app, call, pool, run, simulator } = await startConnector(t)
  const records = [1, 2, 3].map(() => kkiRecord({ diubah_pada: ago(3000) }))
  await inject(
    simulator,
    records.map(record => ({ id: String(record.nomor_str), record }))
  )
  const full = () => run({ mode: 'full', professions: ['doctor'] })
  const notListed = async () => {
    const { body } = await call('GET', '/v1/registrations/not-listed')
    return (body as { items: { strNumber: string; missedRuns: number; status: string }[] }).items
  }
  await full()
  const [gone] = records
  await fetch(`${simulator.url}/_records/${gone?.nomor_str}`, { method: 'DELETE' })
  await full()
  assert.deepEqual(await notListed(), [])
  await run({})
  assert.deepEqual(await notListed(), [], 'an incremental run says nothing about licences that it does not list')
  await full()
  assert.deepEqual(
    (await notListed()).map(({ strNumber, missedRuns, status }) => [strNumber, missedRuns, status]),
    [[gone?.nomor_str, 2, 'active']]
  )
  assert.match((await app.inject({ url: '/metrics' })).body, /^sdmk_kki_not_listed_registrations 1$/m)
  await run({ mode: 'full', professions: ['dentist'] })
  assert.equal((await notListed())[0]?.missedRuns, 2)
  await inject(simulator, [{ id: String(gone?.nomor_str), record: { ...gone, diubah_pada: ago(5) } }])
  await run({})
  assert.deepEqual(await notListed(), [])
  assert.equal((await pool.query('select from sdmk.registration')).rowCount, 3)
})
