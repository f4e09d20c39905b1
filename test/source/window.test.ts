import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SourceDescription, Window } from '../../sidecar/source/description.ts'
import { windowValues } from '../../sidecar/source/window.ts'
import { formatInstant, unitOf } from '../../sidecar/source/window-format.ts'
import { compileInstantReader, type Zone } from '../../sidecar/transform/dates.ts'
import { callContext } from './helpers/client.ts'
import { describe, startDescribed } from './helpers/described.ts'

const patterns = [
  'YYYY-MM-DD',
  'DD/MM/YYYY',
  'YYYY-MM-DD HH',
  'YYYY-MM-DD HH:mm',
  'YYYYMMDDHHmmss',
  'YYYY-MM-DDTHH:mm:ss'
]
const zones: Zone[] = ['Asia/Jakarta', 'Asia/Makassar', 'Asia/Jayapura', 'UTC']
const bound = fc.constantFrom('inclusive' as const, 'exclusive' as const)
const anyWindow: fc.Arbitrary<Window> = fc.oneof(
  fc.record({ format: fc.constantFrom(...patterns), zone: fc.constantFrom(...zones), since: bound, until: bound }),
  fc.record({ format: fc.constantFrom('instant', 'epochSeconds', 'epochMilliseconds'), since: bound, until: bound })
)
const instant = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2035, 0, 1) })

/** Parses a written bound: returns its first moment. */
function read(text: string, { format, zone = 'UTC' }: Window): number {
  if (unitOf(format) === 86_400_000) {
    const days = compileInstantReader([`${format} HH:mm`], [], zone)
    return days(`${text} 00:00`) as number
  }
  if (format.endsWith(' HH')) return compileInstantReader([`${format}:mm`], [], zone)(`${text}:00`) as number
  return compileInstantReader([format], [], zone)(text) as number
}

test('a written window contains the requested one, and is at most two units wider', () => {
  fc.assert(
    fc.property(anyWindow, instant, fc.integer({ min: 1, max: 10 ** 9 }), (window, since, length) => {
      const until = since + length
      const unit = unitOf(window.format)
      const values = windowValues(describe({ request: { path: '/', window } }) as SourceDescription, {
        changedSince: new Date(since).toISOString(),
        changedUntil: new Date(until).toISOString()
      })
      const [first, last] = [read(values.since ?? '', window), read(values.until ?? '', window)]
      // A source that compares exactly, and one that compares units, both send the row that changed at `since`.
      const isSinceSent = window.since === 'inclusive' ? first <= since : first + unit <= since
      assert.ok(isSinceSent && first > since - 2 * unit, `${values.since}`)
      // A row that changed just before `until` is before the written bound.
      assert.ok(last > until - 1 && last < until + unit, `${values.until}`)
    })
  )
})

test('an instant is written in the described zone', () => {
  const ms = Date.UTC(2026, 10, 30, 17, 5, 9, 123)
  assert.equal(formatInstant(ms, 'instant'), '2026-11-30T17:05:09.123Z')
  assert.equal(formatInstant(ms, 'epochSeconds'), '1796058309')
  assert.equal(formatInstant(ms, 'epochMilliseconds'), '1796058309123')
  assert.equal(formatInstant(ms, 'DD-MM-YYYY', 'Asia/Jakarta'), '01-12-2026')
  assert.equal(formatInstant(ms, 'DD-MM-YYYY', 'UTC'), '30-11-2026')
  assert.equal(formatInstant(ms, 'YYYY-MM-DDTHH:mm:ss+09:00', 'Asia/Jayapura'), '2026-12-01T02:05:09+09:00')
})

const row = (nomor: string, diubah_pada: unknown) => ({ nomor, diubah_pada })
const rows = [
  row('before', '2026-01-01T23:59:59.999Z'),
  row('since', '2026-01-02T00:00:00Z'),
  row('inside', '2026-01-02T10:00:00+07:00'),
  row('until', '2026-01-03T00:00:00Z'),
  row('unreadable', 'kemarin'),
  row('absent', undefined)
]
const query = { limit: 9, changedSince: '2026-01-02T00:00:00.000Z', changedUntil: '2026-01-03T00:00:00.000Z' }

test('rows outside the window are left out if a source can only filter by days', async t => {
  const window = { format: 'YYYY-MM-DD', zone: 'Asia/Jakarta', since: 'inclusive', until: 'inclusive' } as const
  const request = { path: '/list', query: { dari: '{since}', sampai: '{until}' }, window }
  const changes = { request, paging: { type: 'single_page' } as const, answer: { rows: '/data' } }
  const { client, asked } = await startDescribed(t, changes, () => ({ body: { data: rows } }))

  const page = await client.fetchPage(query, callContext())

  assert.equal(asked[0]?.url.search, '?dari=2026-01-02&sampai=2026-01-04')
  const numbers = (page.rows as { nomor: string }[]).map(({ nomor }) => nomor)
  assert.deepEqual(numbers, ['since', 'inside', 'unreadable', 'absent'], 'unreadable ones are rejected further on')
  assert.equal(page.received, 6)
  assert.deepEqual(JSON.parse(String(page.body)).data.length, 4)
})

test('a source without a window is read completely, and its rows are filtered by the connector', async t => {
  const changes = { request: { path: '/list' }, paging: { type: 'single_page' } as const, answer: { rows: '/data' } }
  const { client } = await startDescribed(t, changes, () => ({ body: { data: rows } }))
  assert.equal((await client.fetchPage(query, callContext())).rows.length, 4)
  assert.equal((await client.fetchPage({ limit: 9 }, callContext())).rows.length, 6)
})

test('rows of a source without a profession filter are filtered by the connector; another word belongs to its first code', async t => {
  const data = ['DOKTER', 'dokter_umum', 'Perawat', 'ASING', null].map(profesi => ({ profesi }))
  const changes = { request: { path: '/list' }, paging: { type: 'single_page' } as const, answer: { rows: '/data' } }
  const { client } = await startDescribed(t, changes, () => ({ body: { data } }))
  const page = await client.fetchPage({ limit: 9, profession: 'DOKTER' }, callContext())
  assert.deepEqual(page.rows, data.slice(0, 2))
})
