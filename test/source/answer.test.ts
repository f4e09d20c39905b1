import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, SourceDescription } from '../../sidecar/source/description.ts'
import { callContext } from './helpers/client.ts'
import { startDescribed } from './helpers/described.ts'

const single = { type: 'single_page' } as const
const request = { path: '/list' }

/** Sections of a description whose one answer is read as `answer` says. */
const reading = (answer: Answer, more: Partial<SourceDescription> = {}): Partial<SourceDescription> => ({
  request,
  paging: single,
  answer,
  ...more
})

test('rows must be at the described place, and nothing else counts as an empty list', async t => {
  for (const [answer, body] of [
    [{ rows: '/data' }, {}],
    [{ rows: '/data' }, { data: null }],
    [{ rows: '/data' }, { data: {} }],
    [{ rows: '/data', rowsMayBe: ['null'] }, {}],
    [{ rows: '/data', rowsMayBe: ['absent'] }, { data: null }],
    [{ rows: '/a/b' }, { a: [] }],
    [{ rows: '' }, { data: [] }]
  ] as const) {
    const { client } = await startDescribed(t, reading(answer as Answer), () => ({ body }))
    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
      code: 'KKI_CONTRACT',
      message: /breaks the contract at \/.*: must be a list/
    })
  }
  for (const [rowsMayBe, body] of [
    ['absent', {}],
    ['null', { data: null }]
  ] as const) {
    const { client } = await startDescribed(t, reading({ rows: '/data', rowsMayBe: [rowsMayBe] }), () => ({ body }))
    assert.deepEqual((await client.fetchPage({ limit: 1 }, callContext())).rows, [])
  }
})

const faults: Answer['faults'] = [
  { status: 404, means: 'noRows' },
  { status: 400, at: '/kode', equals: ['SIBUK'], means: 'tryLater' },
  { at: '/meta/code', equals: [201], means: 'noRows' },
  { at: '/meta/code', equals: ['503'], means: 'tryLater' },
  { at: '/meta/code', except: [200, 1], means: 'stop' }
]

for (const [name, status, body] of [
  ['a code as number', 200, { meta: { code: 200 }, data: ['x'] }],
  ['a code as text', 200, { meta: { code: '1' }, data: ['x'] }]
] as const) {
  test(`${name} is a page`, async t => {
    const { client } = await startDescribed(t, reading({ rows: '/data', faults }), () => ({ status, body }))
    assert.deepEqual((await client.fetchPage({ limit: 1 }, callContext())).rows, ['x'])
  })
}

for (const [name, status, body] of [
  ['a status', 404, 'not here'],
  ['a code in a page', 200, { meta: { code: '201' }, data: null }]
] as const) {
  test(`${name} can mean that there are no rows`, async t => {
    const { client } = await startDescribed(t, reading({ rows: '/data', faults }), () => ({ status, body }))
    const page = await client.fetchPage({ limit: 1 }, callContext())
    assert.deepEqual([page.rows, page.nextCursor, String(page.body)], [[], null, '{"data":[]}'])
  })
}

for (const [name, body] of [
  ['another code', { meta: { code: 412 }, data: ['x'] }],
  ['no code at all', { data: ['x'] }],
  ['a code that is a list', { meta: { code: [200] }, data: ['x'] }]
] as const) {
  test(`${name} ends the batch, and names the place and the rule`, async t => {
    const { client, asked } = await startDescribed(t, reading({ rows: '/data', faults }), () => ({ body }), {
      retries: 3,
      retryBaseMs: 1
    })
    await assert.rejects(client.fetchPage({ limit: 1 }, { ...callContext(), page: 7 }), {
      code: 'KKI_DENIED',
      message: /status 200 and a fault at \/meta\/code \(\/answer\/faults\/4 of the description\) \(page 7\)/
    })
    assert.equal(asked.length, 1)
  })
}

for (const [status, body] of [
  [200, { meta: { code: 503 } }],
  [400, { kode: 'SIBUK' }]
] as const) {
  test(`a code with status ${status} that means "try later" is tried again`, async t => {
    const { client, asked, seen } = await startDescribed(
      t,
      reading({ rows: '/data', faults }),
      (_, number) => (number < 3 ? { status, body } : { body: { meta: { code: 200 }, data: ['x'] } }),
      { retries: 3, retryBaseMs: 1 }
    )
    assert.deepEqual((await client.fetchPage({ limit: 1 }, callContext())).rows, ['x'])
    assert.deepEqual([asked.length, seen.retries], [3, 2])
  })
}

test('a member that reports an error fails the last page, whatever rows it has', async t => {
  const { client } = await startDescribed(t, reading({ rows: '/data', errors: ['/error'] }), () => ({
    body: { data: ['x'], error: 'timeout of the database' }
  }))
  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_CONTRACT',
    message: /reports an error at \/error/
  })
})

const registrations = { list: '/resource/str', where: { '/jenis': 'STR' } }

test('a record is read once for each of its registrations, together with its own fields', async t => {
  const record = {
    resource: {
      nik: '1',
      str: [{ jenis: 'STR', no: 'a' }, { jenis: 'ijazah' }, { jenis: 'STR', no: 'b' }],
      aktif: true
    }
  }
  const { client } = await startDescribed(t, reading({ rows: '/data', registrations }), () => ({
    body: { data: [record, { resource: { nik: '2', str: [] } }, { resource: null }, 'x'], total: 4 }
  }))

  const page = await client.fetchPage({ limit: 9 }, callContext())

  assert.deepEqual(page.rows, [
    { resource: { nik: '1', str: { jenis: 'STR', no: 'a' }, aktif: true } },
    { resource: { nik: '1', str: { jenis: 'STR', no: 'b' }, aktif: true } },
    // Kept, so that they are rejected for their missing fields.
    { resource: { nik: '2', str: [] } },
    { resource: null },
    'x'
  ])
  assert.equal(page.received, 4)
  assert.deepEqual(JSON.parse(String(page.body)).data, page.rows)
})

test('a page in another form is stored with all digits of its numbers', async t => {
  const text = '{"isi":[{"nik":9271060312000001,"str":[{"no":1.10},{"no":2}]},{"nik":3}]}'
  const { client } = await startDescribed(t, reading({ rows: '/isi', registrations: { list: '/str' } }), () => ({
    body: text
  }))

  const { body } = await client.fetchPage({ limit: 9 }, callContext())

  assert.equal(
    String(body),
    '{"data":[{"nik":9271060312000001,"str":{"no":1.10}},{"nik":9271060312000001,"str":{"no":2}},{"nik":3}]}'
  )
})

test('a record that is nested too deeply is cut, and its neighbours are complete', async t => {
  const deep = `${'[1,'.repeat(5000)}1${']'.repeat(5000)}`
  const { client } = await startDescribed(t, reading({ rows: '/isi' }), () => ({
    body: `{"isi":[{"a":${deep},"n":12345678901234567890},{"b":12345678901234567890}]}`
  }))

  const text = String((await client.fetchPage({ limit: 9 }, callContext())).body)

  assert.ok(text.length < 1000)
  assert.ok(text.endsWith('{"b":12345678901234567890}]}'), text.slice(-60))
})

test('the time of a source is its header’s, a field’s, or our own less a margin', async t => {
  const now = Date.now()
  const seconds = Math.floor(now / 1000) - 20
  const body = { data: [], waktu: seconds, lokal: new Date(seconds * 1000 + 7 * 3_600_000).toISOString().slice(0, 19) }
  for (const [clock, expected] of [
    [{ from: 'field', at: '/waktu', format: 'epochSeconds' }, seconds * 1000],
    [{ from: 'field', at: '/lokal', format: 'YYYY-MM-DDTHH:mm:ss' }, seconds * 1000]
  ] as const) {
    const { client } = await startDescribed(t, reading({ rows: '/data' }, { clock }), () => ({ body }))
    assert.equal(await client.now(callContext()), expected)
  }
  const own = { from: 'own', marginSeconds: 1000 } as const
  const { client, asked } = await startDescribed(t, reading({ rows: '/data' }, { clock: own }), () => ({ body }))
  assert.ok(Math.abs((await client.now(callContext())) - Date.now() + 1_000_000) < 5000)
  assert.equal(asked.length, 0)
  await client.fetchPage({ limit: 1 }, callContext())
})

test('a field without a time, or with a time far from ours, is an error', async t => {
  const clock = { from: 'field', at: '/waktu', format: 'epochSeconds' } as const
  for (const [waktu, code] of [
    [undefined, 'KKI_CONTRACT'],
    ['kemarin', 'KKI_CONTRACT'],
    [1, 'KKI_CLOCK'],
    [Math.floor(Date.now() / 1000) + 7 * 3600, 'KKI_CLOCK']
  ] as const) {
    const { client } = await startDescribed(t, reading({ rows: '/data' }, { clock }), () => ({
      body: { data: [], waktu }
    }))
    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code }, String(waktu))
  }
})

test('the records of an STR are in a list, alone, or missing', async t => {
  const path = '/str/{strNumber}'
  for (const [oneByStr, body, expected] of [
    [{ path }, { data: ['x', 'y'] }, ['x', 'y']],
    [{ path, rows: '/hasil' }, { hasil: ['x'] }, ['x']],
    [{ path, record: '/hasil' }, { hasil: { a: 1 } }, [{ a: 1 }]],
    [{ path, record: '' }, { a: 1 }, [{ a: 1 }]],
    [{ path }, { data: [] }, null]
  ] as const) {
    const { client, asked } = await startDescribed(t, reading({ rows: '/data' }, { oneByStr }), () => ({ body }))
    const page = await client.fetchByStr('EQ/1 2', callContext())
    assert.deepEqual(page?.rows ?? null, expected)
    assert.equal(asked[0]?.url.pathname, '/str/EQ%2F1%202')
  }
  const missing = { path, record: '/hasil' }
  const { client } = await startDescribed(t, reading({ rows: '/data' }, { oneByStr: missing }), (_, number) =>
    number === 1 ? { status: 404, body: {} } : { body: { hasil: [] } }
  )
  assert.equal(await client.fetchByStr('EQ1', callContext()), null)
  await assert.rejects(client.fetchByStr('EQ1', callContext()), { code: 'KKI_CONTRACT', message: /must be an object/ })
})

test('an STR cannot change the path', async t => {
  const oneByStr = { path: '/str/{strNumber}' }
  const { client, asked } = await startDescribed(t, reading({ rows: '/data' }, { oneByStr }), () => ({
    body: { data: [] }
  }))
  for (const str of ['..', '.']) {
    await assert.rejects(client.fetchByStr(str, callContext()), { code: 'KKI_DENIED', status: 400 })
  }
  await client.fetchByStr('../x?y#z', callContext())
  assert.deepEqual(
    asked.map(({ url }) => url.pathname + url.search),
    ['/str/..%2Fx%3Fy%23z']
  )
})
