import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { BatchBody } from '../../sidecar/sync/routes/schemas.ts'
import { kkiRecord, startConnector } from './helpers.ts'

/** A KKI whose list is whatever JSON text a test says: what no well-behaved server would send. */
async function startRawKki(t: TestContext) {
  const kki = { url: '', rows: [] as string[], pageSize: 20 }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://kki')
    const send = (body: string) => {
      response.writeHead(200, { 'content-type': 'application/json', date: new Date().toUTCString() })
      response.end(body)
    }
    request.resume()
    if (url.pathname === '/oauth2/token') {
      return send('{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}')
    }
    const start = Number(url.searchParams.get('kursor') ?? 0)
    const end = start + kki.pageSize
    const next = end < kki.rows.length ? `"${end}"` : 'null'
    send(`{"data":[${kki.rows.slice(start, end).join(',')}],"meta":{"kursor_berikutnya":${next}}}`)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise(resolve => server.close(resolve)))
  kki.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return kki
}

const fields = Object.keys(kkiRecord())

/** Texts that break what reads them: COPY's own characters, NUL, halves of a character, a megabyte. */
const nastyText = fc.oneof(
  fc.constantFrom(
    '\\N',
    '\\.',
    '\t',
    '\n',
    '\r\n',
    '\\x00',
    '\u0000',
    '\ud800',
    '\udfff\ud800',
    "'; drop table sdmk.health_worker; --",
    '\u202e',
    '\ufeff',
    '&#0;',
    '&#xD800;',
    '9'.repeat(400),
    '\u0001\u001f'
  ),
  fc.constant('x'.repeat(1_000_000)),
  fc.string({ unit: 'binary', maxLength: 40 })
)
const nastyValue = fc.oneof(
  nastyText,
  fc.constantFrom(null, true, -0, 1e308, 1e21, [], {}, [[[]]], { toString: 1 }, ['a']),
  fc.jsonValue({ maxDepth: 3 })
)
/** JSON as a server may write it: keys that are special in JavaScript, numbers that it would round. */
const rawFragments = fc.constantFrom(
  '{"__proto__":{"nik":"3171010101900001"},"nama":"A"}',
  '{"constructor":{"prototype":{}},"nomor_str":{"__proto__":null}}',
  '{"nik":3171010101900001,"nomor_str":1e400,"nama":-0}',
  '"text"',
  'null',
  '12345678901234567890',
  '[]',
  '[[[[[[]]]]]]',
  '{"a":1,"a":2}',
  '{}'
)

interface FuzzRow {
  json: string
  /** The STR of a row in good order; null where it is broken. */
  str: string | null
}

const anyRow: fc.Arbitrary<FuzzRow> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constant(null).map(() => {
      const record = kkiRecord()
      return { json: JSON.stringify(record), str: String(record.nomor_str) }
    })
  },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(...fields), nastyValue).map(([field, value]) => ({
      json: JSON.stringify({ ...kkiRecord(), [field]: value }),
      str: null
    }))
  },
  {
    weight: 2,
    arbitrary: fc.dictionary(nastyText, nastyValue, { maxKeys: 4 }).map(extra => ({
      json: JSON.stringify({ ...kkiRecord(), ...extra }),
      str: null
    }))
  },
  { weight: 2, arbitrary: rawFragments.map(json => ({ json, str: null })) }
)

test('no record, however broken, aborts a batch or is lost from the ledger', async t => {
  const kki = await startRawKki(t)
  const { run, pool, call } = await startConnector(t, {
    env: { KKI_BASE_URL: kki.url, KKI_PAGE_SIZE: '20', SDMK_RATE_LIMIT: '100000' }
  })
  await fc.assert(
    fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 45 }), async rows => {
      kki.rows = rows.map(({ json }) => json)
      const done = await run({ mode: 'full', professions: ['doctor'] })
      const batch = done.batches[0] as BatchBody
      const { fetched, created, linked, updated, unchanged, superseded, rejected } = batch.ledger
      assert.ok(['applied', 'held'].includes(batch.state), JSON.stringify(batch.error))
      assert.equal(fetched, rows.length)
      assert.equal(created + linked + updated + unchanged + superseded + rejected, fetched)
      if (batch.state === 'held') {
        const applied = await call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: batch.planDigest })
        assert.equal((applied.body as BatchBody).state, 'applied', JSON.stringify(applied.body))
      }
      for (const { str } of rows) {
        if (str === null) continue
        const { rowCount } = await pool.query('select from sdmk.registration where str_number = $1', [str])
        assert.equal(rowCount, 1, 'a row in good order is stored whatever stands beside it')
      }
      const { rows: kept } = await pool.query(
        `select count(distinct row_no) as n from kki.rejection_occurrence where batch_id = $1 and raw_sealed is not null`,
        [batch.id]
      )
      assert.equal(kept[0].n, rejected, 'each refused row is kept as it came')
      const listed = await call('GET', `/v1/batches/${batch.id}/rejections?limit=100`)
      assert.equal(listed.status, 200)
    }),
    { numRuns: 25 }
  )
  assert.equal(({} as { nik?: string }).nik, undefined, 'no prototype was polluted')
})

test('a page over KKI_MAX_BODY_BYTES fails its batch, with the page named, and SDMK is as it was', async t => {
  const kki = await startRawKki(t)
  kki.pageSize = 2
  const { run, pool } = await startConnector(t, {
    env: { KKI_BASE_URL: kki.url, KKI_MAX_BODY_BYTES: '65536', KKI_PAGE_SIZE: '2' }
  })
  const small = () => JSON.stringify(kkiRecord())
  kki.rows = [small(), small(), small(), JSON.stringify(kkiRecord({ catatan: 'x'.repeat(70_000) })), small()]
  const failed = await run({ mode: 'full', professions: ['doctor'] })
  assert.equal(failed.state, 'failed')
  assert.equal(failed.batches[0]?.error?.code, 'KKI_BODY_TOO_LARGE')
  assert.match(failed.batches[0]?.error?.detail ?? '', /page 2/)
  assert.equal((await pool.query('select from sdmk.registration')).rowCount, 0)
  kki.rows = [small(), small(), small()]
  assert.equal((await run({ mode: 'full', professions: ['doctor'] })).state, 'applied')
})
