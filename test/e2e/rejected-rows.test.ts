import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { inject, kkiRecord, startConnector } from './helpers.ts'

/** Ways to break a record, each with the code of its rejection. */
const breaks: { code: string; break: (record: Record<string, unknown>) => unknown }[] = [
  { code: 'SCHEMA_INVALID', break: () => 'not an object' },
  { code: 'SCHEMA_INVALID', break: ({ nama: _, ...rest }) => rest },
  { code: 'SCHEMA_INVALID', break: record => ({ ...record, nik: 3171014101900001 }) },
  { code: 'STR_INVALID', break: record => ({ ...record, nomor_str: '12' }) },
  { code: 'NIK_INVALID', break: record => ({ ...record, nik: '123' }) },
  { code: 'NAME_MISSING', break: record => ({ ...record, nama: 'dr.' }) },
  { code: 'DATE_INVALID', break: record => ({ ...record, tanggal_lahir: 'kemarin' }) },
  { code: 'STATUS_UNKNOWN', break: record => ({ ...record, status_str: 'MUNGKIN' }) },
  { code: 'PROFESSION_UNKNOWN', break: record => ({ ...record, profesi: 'DUKUN' }) },
  { code: 'STR_INACTIVE', break: record => ({ ...record, status_str: 'DICABUT' }) }
]

const feed = fc.array(fc.option(fc.nat({ max: breaks.length - 1 }), { nil: null, freq: 2 }), {
  minLength: 1,
  maxLength: 60
})

test('for any mix of valid and broken rows the ledger adds up, broken rows are kept with code, page and row, and valid ones are stored', async t => {
  const { run, simulator, pool, call } = await startConnector(t, { env: { KKI_PAGE_SIZE: '7', KKI_OVERLAP: '0' } })
  let minute = Date.parse('2026-01-01T00:00:00Z')
  await fc.assert(
    fc.asyncProperty(feed, async kinds => {
      const since = new Date(minute).toISOString()
      const rows = kinds.map(kind => {
        minute += 60_000
        const stamp = new Date(minute).toISOString()
        const good = kkiRecord({ diubah_pada: stamp })
        const broken = kind === null ? null : breaks[kind]
        return { stamp, good, record: broken ? broken.break(good) : good, code: broken?.code ?? null }
      })
      minute += 60_000
      await inject(
        simulator,
        rows.map(({ record, stamp }) => ({ record, sortStamp: stamp }))
      )
      const done = await run({ mode: 'window', changedSince: since, changedUntil: new Date(minute).toISOString() })
      const [batch] = done.batches as [RunBody['batches'][number]]
      const { ledger } = batch
      assert.equal(batch.state, 'applied')
      assert.equal(ledger.fetched, rows.length)
      assert.equal(ledger.created, rows.filter(({ code }) => code === null).length)
      assert.equal(ledger.rejected, rows.filter(({ code }) => code !== null).length)

      const { rows: found } = await pool.query(
        `select o.page, o.page_row, r.code, o.raw_sealed is not null as is_kept from kki.rejection_occurrence o
        join kki.rejection r on r.id = o.rejection_id where o.batch_id = $1 order by o.row_no`,
        [batch.id]
      )
      const expected = rows.flatMap(({ code }, i) =>
        code === null ? [] : [{ page: Math.floor(i / 7) + 1, page_row: (i % 7) + 1, code, is_kept: true }]
      )
      assert.deepEqual(found, expected)
      for (const { good, code } of rows) {
        if (code !== null) continue
        const { body } = await call('POST', '/v1/health-workers/search', { str: good.nomor_str })
        assert.equal((body as { items: unknown[] }).items.length, 1)
      }
    }),
    { numRuns: 12 }
  )
})

test('the API lists a rejected row with its reason, and never with a NIK', async t => {
  const { run, simulator, call } = await startConnector(t)
  const record = kkiRecord({ tanggal_lahir: '31-31-1990', status_str: 'ENTAH' })
  await inject(simulator, [{ record }])
  const { batches } = await run({ mode: 'incremental' })
  const { body } = await call('GET', `/v1/batches/${batches[0]?.id}/rejections`)
  const { items } = body as { items: { code: string; problems: { instancePath: string }[]; occurrences: unknown[] }[] }
  assert.deepEqual(items.map(({ code }) => code).sort(), ['DATE_INVALID', 'STATUS_UNKNOWN'])
  assert.deepEqual(items.map(({ problems }) => problems[0]?.instancePath).sort(), ['/status_str', '/tanggal_lahir'])
  assert.deepEqual(items[0]?.occurrences, [{ batchId: batches[0]?.id, page: 1, pageRow: 1, rowNo: 1 }])
  assert.ok(!JSON.stringify(body).includes(String(record.nik)))
})
