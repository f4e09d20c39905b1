import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, control, field } from './client.ts'

const record = (str: string, stamp: string, profession = 'NERS') => ({
  nomor_str: str,
  nama: 'Uji Coba',
  profesi: profession,
  status_str: 'AKTIF',
  diubah_pada: stamp
})
const strsOf = (rows: unknown[]) => rows.map(row => field(row, 'nomor_str'))

test('injected records are listed in order of stamp and STR, replaced by id and removed', async t => {
  const { simulator, walk } = await connect(t)
  const injected = [
    { id: 'c', record: record('EQ3', '2026-01-02T00:00:00Z') },
    { id: 'b', record: record('EQ2', '2026-01-01T00:00:00Z') },
    { id: 'a', record: record('EQ1', '2026-01-02T00:00:00Z', 'BIDAN') }
  ]
  const response = await control(simulator, 'POST', '/_records', injected)
  assert.deepEqual(await response.json(), { injected: 3 })
  assert.deepEqual(strsOf(await walk({ batas: '1' })), ['EQ2', 'EQ1', 'EQ3'])
  assert.deepEqual(strsOf(await walk({ profesi: 'BIDAN' })), ['EQ1'])
  assert.deepEqual(strsOf(await walk({ diubah_sampai: '2026-01-02T00:00:00Z' })), ['EQ2'])
  await control(simulator, 'POST', '/_records', [{ id: 'b', record: record('EQ2', '2026-01-03T00:00:00Z') }])
  assert.deepEqual(strsOf(await walk()), ['EQ1', 'EQ3', 'EQ2'])
  assert.equal((await control(simulator, 'DELETE', '/_records/b')).status, 204)
  assert.equal((await control(simulator, 'DELETE', '/_records/b')).status, 404)
  assert.deepEqual(strsOf(await walk()), ['EQ1', 'EQ3'])
})

test('injected records are listed among the generated ones and count in the total', async t => {
  const { simulator, page, walk } = await connect(t, { rows: 500, brokenShare: 0 })
  simulator.putRecords([{ id: 'x', record: record('EQ9', '2020-05-05T00:00:00Z') }])
  const rows = await walk({ batas: '50' })
  assert.equal(rows.length, 501)
  assert.equal((await page()).meta.total, 501)
  const stamps = rows.map(row => Date.parse(String(field(row, 'diubah_pada'))))
  assert.deepEqual(
    stamps,
    stamps.toSorted((a, b) => a - b)
  )
})

test('a late commit appears at its time, also behind a cursor that has passed it', async t => {
  const { simulator, page, walk } = await connect(t)
  const soon = new Date(simulator.now() + 600_000).toISOString()
  simulator.putRecords([
    { id: 'late', record: record('EQ1', '2026-01-01T00:00:00Z'), visibleFrom: soon },
    { id: 'there', record: record('EQ2', '2026-01-02T00:00:00Z') }
  ])
  assert.deepEqual(strsOf(await walk()), ['EQ2'])
  assert.equal((await page()).meta.total, 1)
  simulator.advanceClock(601)
  assert.deepEqual(strsOf(await walk()), ['EQ1', 'EQ2'])
})

test('a record that is not an object has the stamp given with it', async t => {
  const { simulator, walk } = await connect(t)
  simulator.putRecords([
    { id: '1', record: record('EQ1', '2026-01-01T00:00:00Z') },
    { id: '2', record: 'rusak', sortStamp: '2026-01-02T00:00:00Z' },
    { id: '3', record: record('EQ3', '2026-01-03T00:00:00Z') },
    { id: '4', record: null }
  ])
  const rows = await walk({ batas: '1' })
  assert.equal(rows[1], 'rusak')
  assert.equal(rows[3], null)
})

test('an STR finds all visible injected records with it', async t => {
  const { simulator, get } = await connect(t)
  simulator.putRecords([
    { id: '1', record: record('STR-31.1', '2026-01-01T00:00:00Z') },
    { id: '2', record: record('31 1', '2026-01-01T00:00:00Z', 'DOKTER') },
    { id: '3', record: record('311', '2026-01-01T00:00:00Z'), visibleFrom: '2999-01-01T00:00:00Z' }
  ])
  const { data } = (await (await get('/v1/tenaga-kesehatan/311')).json()) as { data: unknown[] }
  assert.deepEqual(strsOf(data).toSorted(), ['31 1', 'STR-31.1'])
})

test('an invalid time is denied by name', async t => {
  const { simulator } = await connect(t)
  const put = () => simulator.putRecords([{ id: '1', record: 1, visibleFrom: 'soon' }])
  assert.throws(put, { code: 'SDMK_SIMULATOR_INPUT', field: 'visibleFrom' })
  const response = await control(simulator, 'POST', '/_records', [{ id: '1', record: 1, sortStamp: 'soon' }])
  assert.equal(response.status, 400)
  assert.match(await response.text(), /sortStamp/)
})
