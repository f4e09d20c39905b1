import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, control, field } from './client.ts'

const text = (row: unknown) => JSON.stringify(row)
const stampOf = (row: unknown) => String(field(row, 'diubah_pada'))

test('a day moves its share of the records to the end of the list, into its own window', async t => {
  const { simulator, page, walk } = await connect(t, { rows: 2000, brokenShare: 0.02 })
  const before = await walk()
  const since = new Date(simulator.now()).toISOString()
  const response = await control(simulator, 'POST', '/_days', { changedShare: 0.1 })
  const { day, changed } = (await response.json()) as { day: number; changed: number }
  assert.deepEqual([day, changed], [1, 200])
  const after = await walk()
  const moved = await walk({ diubah_sejak: since })
  assert.equal(after.length, 2000)
  assert.equal(moved.length, 200)
  assert.equal((await page({ diubah_sejak: since })).meta.total, 200)
  assert.equal((await page({ diubah_sampai: since })).meta.total, 1800)
  assert.deepEqual(after.slice(1800), moved)
  assert.ok(moved.every(row => Date.parse(stampOf(row)) < simulator.now()))
  const left = new Set(before.map(text))
  assert.ok(after.slice(0, 1800).every(row => left.has(text(row))))
  const stamps = moved.map(stampOf)
  assert.deepEqual(stamps, stamps.toSorted())
})

test('most records of a day have new content, and some are deactivations', async t => {
  const { simulator, walk } = await connect(t, { rows: 5000, brokenShare: 0 })
  const withoutStamp = (row: unknown) => text({ ...(row as object), diubah_pada: null })
  const before = new Set((await walk()).map(withoutStamp))
  const since = new Date(simulator.now()).toISOString()
  simulator.newDay(0.5)
  const moved = await walk({ diubah_sejak: since })
  const changed = moved.filter(row => !before.has(withoutStamp(row)))
  assert.ok(changed.length > 0.7 * moved.length && changed.length < moved.length)
  assert.ok(changed.some(row => field(row, 'status_str') === 'DICABUT'))
})

test('days follow each other: a record stays where its last day put it', async t => {
  const { simulator, walk } = await connect(t, { rows: 1000, brokenShare: 0 })
  const starts = [0.3, 0.3, 0.3].map(share => {
    const start = new Date(simulator.now()).toISOString()
    simulator.newDay(share)
    return start
  })
  const all = await walk()
  assert.equal(all.length, 1000)
  const stamps = all.map(stampOf)
  assert.deepEqual(stamps, stamps.toSorted())
  assert.equal((await walk({ diubah_sejak: starts[2] ?? '' })).length, 300)
  const second = await walk({ diubah_sejak: starts[1] ?? '', diubah_sampai: starts[2] ?? '' })
  assert.ok(second.length > 0 && second.length < 300)
})

test('a simulator that starts with past days equals one that ran through them', async t => {
  const started = await connect(t, { rows: 500, days: 2, changedShare: 0.2 })
  const lived = await connect(t, { rows: 500 })
  lived.simulator.newDay(0.2)
  lived.simulator.newDay(0.2)
  const contentOf = (rows: unknown[]) => rows.map(row => text({ ...Object(row), diubah_pada: null }))
  assert.deepEqual(contentOf(await started.walk()), contentOf(await lived.walk()))
})

test('a record that got a new STR is found under it and no longer under the old one', async t => {
  const { simulator, get, walk } = await connect(t, { rows: 2000, brokenShare: 0 })
  const before = new Map((await walk()).map(row => [field(row, 'nik'), row]))
  const since = new Date(simulator.now()).toISOString()
  simulator.newDay(0.8)
  const moved = await walk({ diubah_sejak: since })
  const strOf = (row: unknown) =>
    String(field(row, 'nomor_str'))
      .toUpperCase()
      .replace(/[^A-Z0-9]/g, '')
  const renewed = moved.find(row => field(row, 'nik') !== null && strOf(before.get(field(row, 'nik'))) !== strOf(row))
  assert.ok(renewed)
  const statusOf = async (row: unknown) => (await get(`/v1/tenaga-kesehatan/${strOf(row)}`)).status
  assert.equal(await statusOf(renewed), 200)
  assert.equal(await statusOf(before.get(field(renewed, 'nik'))), 404)
})

test('an invalid share is denied by name', async t => {
  const { simulator } = await connect(t, { rows: 10 })
  assert.throws(() => simulator.newDay(2), { code: 'SDMK_SIMULATOR_INPUT', field: 'changedShare' })
  const response = await control(simulator, 'POST', '/_days', { changedShare: 2 })
  assert.equal(response.status, 400)
  assert.match(await response.text(), /changedShare/)
})
