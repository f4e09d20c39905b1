import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { summarize } from '../../sidecar/cli/summary.ts'
import { dumpRegistry, fault, inject, kkiRecord, startConnector } from './helpers.ts'

const total = (run: RunBody) => {
  const { seconds: _, ...ledger } = summarize(run)
  return ledger
}

test('a full run stores all rows of KKI, and a second one changes nothing', async t => {
  const { run, pool, simulator } = await startConnector(t, { rows: 6000, brokenShare: 0.1 })
  const first = await run({ mode: 'full' })
  assert.equal(first.state, 'applied')
  const ledger = total(first)
  assert.equal(ledger.fetched, 6000)
  assert.equal(
    ledger.fetched,
    ledger.created + ledger.linked + ledger.updated + ledger.unchanged + ledger.superseded + ledger.rejected
  )
  assert.ok(ledger.created > 4000, `created ${ledger.created}`)
  assert.ok(ledger.linked > 0 && ledger.superseded > 0 && ledger.rejected >= 600, JSON.stringify(ledger))
  const { rows: unknown } = await pool.query(`select from kki.rejection where code = 'PROFESSION_UNKNOWN'`)
  assert.ok(unknown.length > 0, 'rows of unknown professions are rejected rows of the same walk')

  const { rows: stored } = await pool.query(
    `select (select count(*) from sdmk.health_worker)::int as people, (select count(*) from sdmk.registration)::int as licences`
  )
  assert.deepEqual(stored, [{ people: ledger.created, licences: ledger.created + ledger.linked }])

  const before = await dumpRegistry(pool)
  const second = total(await run({ mode: 'full' }))
  assert.deepEqual(
    { created: second.created, linked: second.linked, updated: second.updated, superseded: second.superseded },
    // A row that another one of the list superseded is compared with the stored data.
    { created: 0, linked: 0, updated: 0, superseded: 0 }
  )
  assert.equal(second.rejected, ledger.rejected)
  assert.equal(second.unchanged, ledger.fetched - ledger.rejected)
  assert.deepEqual(await dumpRegistry(pool), before)
  assert.ok(simulator.url)
})

test('after a full run, an incremental one fetches only later changes', async t => {
  const { run, simulator } = await startConnector(t, {
    rows: 3000,
    brokenShare: 0,
    behindSeconds: 86_400,
    env: { KKI_OVERLAP: '0', KKI_CLOCK_TOLERANCE: '100000' }
  })
  await run({ mode: 'full' })
  const quiet = total(await run({ mode: 'incremental' }))
  assert.equal(quiet.fetched, 0)
  const response = await fetch(`${simulator.url}/_days`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ changedShare: 0.1 })
  })
  assert.ok(response.ok)
  const day = total(await run({ mode: 'incremental' }))
  assert.ok(day.fetched >= 250 && day.fetched <= 400, `fetched ${day.fetched}`)
  assert.ok(day.updated > 100 && day.deactivated > 0, JSON.stringify(day))
})

test('a row that moves while a full run walks is fetched twice, and its later state is stored', async t => {
  const { run, simulator, pool } = await startConnector(t, { env: { KKI_PAGE_SIZE: '1' } })
  const moving = kkiRecord({ diubah_pada: '2026-02-01T00:00:00Z' })
  const others = Array.from({ length: 80 }, () => ({ record: kkiRecord({ diubah_pada: '2026-02-02T00:00:00Z' }) }))
  await inject(simulator, [
    { id: 'moving', record: moving },
    ...others,
    { record: kkiRecord({ profesi: 'PROFESI_BARU', diubah_pada: '2026-02-01T00:00:00Z' }) }
  ])
  // Time for the change below, also on a busy machine.
  await fault(simulator, { kind: 'slow', ms: 5000, on: 'list', times: 1, afterPages: 40 })
  const walking = run({ mode: 'full' })
  // KKI changes the row as soon as it has been listed once.
  for (;;) {
    const { rows } = await pool.query(`select from kki.batch where pages >= 4`)
    if (rows.length > 0) break
    await wait(5)
  }
  const later = '2026-02-05T00:00:00Z'
  await inject(simulator, [{ id: 'moving', record: { ...moving, diubah_pada: later } }])
  const full = await walking
  assert.equal(total(full).fetched, 83, 'the row was fetched twice')
  const { rows: stored } = await pool.query('select source_at from sdmk.registration where str_number = $1', [
    moving.nomor_str
  ])
  assert.deepEqual(stored, [{ source_at: new Date(later) }])
  const { rows } = await pool.query('select code from kki.rejection')
  assert.deepEqual(rows, [{ code: 'PROFESSION_UNKNOWN' }])
})
