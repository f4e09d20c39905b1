import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalForm } from '../../simulator/str-number.ts'
import { connect, field, type Page } from './client.ts'

test('ten million rows are listed a thousand at a time, and memory does not grow', async t => {
  const { page } = await connect(t, { rows: 10_000_000 })
  const before = process.memoryUsage().heapUsed
  const started = performance.now()
  let cursor: string | null = null
  let served = 0
  for (let round = 0; round < 20; round++) {
    const { data, meta }: Page = await page({ batas: '1000', ...(cursor !== null && { kursor: cursor }) })
    served += data.length
    cursor = meta.kursor_berikutnya
  }
  t.diagnostic(`${Math.round(served / ((performance.now() - started) / 1000))} rows/s, client's parsing included`)
  assert.equal(served, 20_000)
  // A table of ten million numbers alone would take 80 MB.
  assert.ok(process.memoryUsage().heapUsed - before < 60e6)
})

test('simulators in one process share nothing', async t => {
  const [one, two] = [await connect(t, { rows: 100 }), await connect(t, { rows: 100 })]
  two.simulator.putRecords([{ id: 'x', record: 1 }])
  two.simulator.advanceClock(86_400)
  two.simulator.addFault({ kind: 'expire-tokens' })
  assert.equal((await one.walk()).length, 100)
  assert.equal((await two.get('/v1/tenaga-kesehatan')).status, 401)
  assert.ok(one.simulator.now() < two.simulator.now() - 80_000_000)
})

test('records that change during a walk come again later in it, and no other is lost or repeated', async t => {
  const { simulator, page, walk } = await connect(t, { rows: 1000, brokenShare: 0 })
  const half = await page({ batas: '500' })
  simulator.newDay(0.2)
  const seen = [...half.data]
  let cursor = half.meta.kursor_berikutnya
  while (cursor !== null) {
    const next: Page = await page({ batas: '100', kursor: cursor })
    seen.push(...next.data)
    cursor = next.meta.kursor_berikutnya
  }
  const met = new Set(seen.map(row => JSON.stringify(row)))
  assert.equal(met.size, seen.length)
  assert.deepEqual(
    (await walk()).filter(row => !met.has(JSON.stringify(row))),
    []
  )
})

test('every STR of the list is found with all its records, and no other', async t => {
  const { get, walk } = await connect(t, { rows: 1000, brokenShare: 0.2, days: 1 })
  const byStr = new Map<string, unknown[]>()
  for (const row of await walk()) {
    const written = field(row, 'nomor_str')
    const str = typeof written === 'string' ? canonicalForm(written) : ''
    // A shorter text, or a NIK, is not an STR and need not be found.
    if (str.length < 8 || str === field(row, 'nik')) continue
    byStr.set(str, [...(byStr.get(str) ?? []), row])
  }
  assert.ok(byStr.size > 800)
  assert.ok(byStr.values().some(rows => rows.length === 2))
  for (const [str, rows] of byStr) {
    const asked = `STR-${str.slice(0, 3)}/${str.slice(3).toLowerCase()}`
    const response = await get(`/v1/tenaga-kesehatan/${encodeURIComponent(asked)}`)
    assert.equal(response.status, 200)
    const { data } = (await response.json()) as { data: unknown[] }
    assert.deepEqual(data.map(row => JSON.stringify(row)).sort(), rows.map(row => JSON.stringify(row)).sort())
  }
})

test('days and times that do not exist are denied', async t => {
  const { get } = await connect(t, { rows: 10 })
  for (const text of ['2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01', '2026-01-01T00:00:00']) {
    assert.equal((await get(`/v1/tenaga-kesehatan?diubah_sejak=${text}`)).status, 400, text)
  }
})
