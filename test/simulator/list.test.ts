import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, field } from './client.ts'

const stampsOf = (rows: unknown[]) => rows.map(row => field(row, 'diubah_pada')).filter(stamp => isReadable(stamp))
const isReadable = (stamp: unknown) => typeof stamp === 'string' && Number.isFinite(Date.parse(stamp))

test('a walk shows every record once, oldest first, and its length is the total', async t => {
  const { page, walk } = await connect(t, { rows: 2500 })
  const rows = await walk({ batas: '700' })
  assert.equal(rows.length, 2500)
  assert.equal((await page()).meta.total, 2500)
  const stamps = stampsOf(rows)
  assert.deepEqual(stamps, stamps.toSorted())
  assert.equal(new Set(stamps).size, stamps.length)
})

test('the page size does not change the records of a walk', async t => {
  const { walk } = await connect(t, { rows: 300 })
  assert.deepEqual(await walk({ batas: '7' }), await walk())
})

test('the walks of all professions and the records without one add up to the whole list', async t => {
  const { page, walk } = await connect(t, { rows: 3000, brokenShare: 0.1 })
  const rows = await walk()
  const codes = new Set(rows.map(row => field(row, 'profesi')).filter(code => typeof code === 'string'))
  let filed = 0
  for (const code of codes) {
    const ofProfession = await walk({ profesi: code })
    assert.ok(ofProfession.every(row => field(row, 'profesi') === code))
    assert.equal((await page({ profesi: code })).meta.total, ofProfession.length)
    filed += ofProfession.length
  }
  const unfiled = rows.filter(row => typeof field(row, 'profesi') !== 'string')
  assert.ok(unfiled.length > 0)
  assert.equal(filed + unfiled.length, 3000)
})

test('an unknown profession has no rows', async t => {
  const { page } = await connect(t, { rows: 100 })
  assert.deepEqual(await page({ profesi: 'TIDAK_ADA' }), { data: [], meta: { kursor_berikutnya: null, total: 0 } })
})

test('a window includes its start and excludes its end', async t => {
  const { page, walk } = await connect(t, { rows: 200, brokenShare: 0 })
  const stamps = stampsOf(await walk()) as string[]
  const window = { diubah_sejak: stamps[50] ?? '', diubah_sampai: stamps[60] ?? '' }
  assert.deepEqual(stampsOf(await walk(window)), stamps.slice(50, 60))
  assert.equal((await page(window)).meta.total, 10)
})

test('equal seeds give equal records, another seed others', async t => {
  const first = await connect(t, { rows: 400, seed: 7 })
  const second = await connect(t, { rows: 400, seed: 7 })
  const other = await connect(t, { rows: 400, seed: 8 })
  const rows = await first.walk()
  assert.deepEqual(rows, await second.walk())
  assert.notDeepEqual(rows, await other.walk())
})

test('a cursor gives the same page again, also from a restarted simulator', async t => {
  const first = await connect(t, { rows: 500 })
  const { meta } = await first.page({ batas: '100' })
  const query = { batas: '100', kursor: meta.kursor_berikutnya ?? '' }
  const again = await connect(t, { rows: 500 })
  const expected = await first.page(query)
  assert.deepEqual(await first.page(query), expected)
  assert.deepEqual(await again.page(query), expected)
})

test('wrong parameters are denied with a problem that names the parameter', async t => {
  const { get, page } = await connect(t, { rows: 50 })
  const { meta } = await page({ batas: '10' })
  const refused = {
    'batas=0': 'batas',
    'batas=1001': 'batas',
    'batas=ten': 'batas',
    'diubah_sejak=yesterday': 'diubah_sejak',
    'diubah_sampai=2026-13-01T00:00:00Z': 'diubah_sampai',
    'kursor=forged': 'kursor',
    [`profesi=NERS&kursor=${meta.kursor_berikutnya}`]: 'kursor'
  }
  for (const [query, name] of Object.entries(refused)) {
    const response = await get(`/v1/tenaga-kesehatan?${query}`)
    assert.equal(response.status, 400, query)
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
    const problem = (await response.json()) as { status: number; detail: string }
    assert.equal(problem.status, 400)
    assert.match(problem.detail, new RegExp(name))
  }
})

test('every reply echoes the request id and has the simulated time', async t => {
  const { simulator, get } = await connect(t, { rows: 10 })
  simulator.advanceClock(3 * 24 * 3600)
  for (const path of ['/v1/tenaga-kesehatan', '/v1/tenaga-kesehatan?batas=0', '/nowhere']) {
    const { headers } = await get(path, { 'x-request-id': 'request-1' })
    assert.equal(headers.get('x-request-id'), 'request-1')
    assert.ok(Math.abs(Date.parse(headers.get('date') ?? '') - simulator.now()) < 5000)
  }
  assert.ok(simulator.now() > Date.now() + 2 * 24 * 3600_000)
})

test('pages are compressed if the client accepts it and the option is on', async t => {
  const zipping = await connect(t, { rows: 100, gzip: true })
  const plain = await connect(t, { rows: 100 })
  const path = '/v1/tenaga-kesehatan'
  assert.equal((await zipping.get(path)).headers.get('content-encoding'), 'gzip')
  assert.equal((await zipping.get(path, { 'accept-encoding': 'identity' })).headers.get('content-encoding'), null)
  assert.equal((await plain.get(path)).headers.get('content-encoding'), null)
  assert.deepEqual(await zipping.walk(), await plain.walk())
})

test('an STR is found in any spelling, with all its records', async t => {
  const { get, walk, simulator } = await connect(t, { rows: 1000, brokenShare: 0 })
  const rows = await walk()
  const spellings = (str: string) => [
    str,
    str.replace(/^STR/i, '').replace(/[^a-z0-9]/gi, ''),
    ` ${str.toLowerCase()} `
  ]
  for (const index of [0, 1, 500, 999, rows.findIndex((_, place) => simulator.kindOf(place) === 'shared-str')]) {
    for (const spelling of spellings(String(field(rows[index], 'nomor_str')))) {
      const response = await get(`/v1/tenaga-kesehatan/${encodeURIComponent(spelling)}`)
      const { data } = (await response.json()) as { data: unknown[] }
      assert.ok(data.some(row => JSON.stringify(row) === JSON.stringify(rows[index])))
      assert.equal(data.length, /shared-str|supersed/.test(simulator.kindOf(index)) ? 2 : 1)
    }
  }
  assert.equal((await get('/v1/tenaga-kesehatan/EQ00000000000000')).status, 404)
})
