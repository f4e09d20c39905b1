import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileDayReader, compileInstantReader, jakartaDay } from '../../sidecar/transform/dates.ts'
import { shippedMapping } from './helpers.ts'

const { dateFormats, monthNames } = shippedMapping()
const readDay = compileDayReader(dateFormats.validUntil ?? [], monthNames)
const readInstant = compileInstantReader(dateFormats.changedAt ?? [], monthNames)

test('every day is read the same in all declared formats', () => {
  const days = fc.date({
    min: new Date('1900-01-01T00:00:00Z'),
    max: new Date('2100-12-31T00:00:00Z'),
    noInvalidDate: true
  })
  fc.assert(
    fc.property(days, date => {
      const day = date.toISOString().slice(0, 10)
      const [year = '', month = '', number = ''] = day.split('-')
      assert.equal(readDay(day), day)
      assert.equal(readDay(`${number}-${month}-${year}`), day)
      for (const name of monthNames[Number(month) - 1] ?? []) {
        assert.equal(readDay(`${Number(number)} ${name.toUpperCase()} ${year}`), day)
      }
    })
  )
})

test('days that do not exist are not read', () => {
  for (const text of [
    '2023-02-29',
    '2023-04-31',
    '2023-13-01',
    '2023-00-10',
    '31-11-2023',
    '1899-12-31',
    '30 Peb 2024'
  ]) {
    assert.equal(readDay(text), null, text)
  }
  assert.equal(readDay('2024-02-29'), '2024-02-29')
})

test('formats that are not declared are not read', () => {
  for (const text of ['03/04/2028', '2028/04/03', '3-4-2028', '20280403', '2028-04-03 ', '46000', 'Maret 2028']) {
    assert.equal(readDay(text), null, text)
  }
})

test('midnight in Jakarta is 17:00 UTC', () => {
  assert.equal(readDay('2028-12-31T16:59:59Z'), '2028-12-31')
  assert.equal(readDay('2028-12-31T17:00:00Z'), '2029-01-01')
  assert.equal(jakartaDay(Date.parse('2028-12-31T16:59:59.999Z')), '2028-12-31')
  assert.equal(jakartaDay(Date.parse('2028-12-31T17:00:00Z')), '2029-01-01')
})

test('instants keep their milliseconds and need an offset', () => {
  assert.equal(readInstant('2026-11-20T03:00:00.123+07:00'), Date.parse('2026-11-19T20:00:00.123Z'))
  assert.equal(readInstant('2026-11-20T03:00:00'), null)
  assert.equal(readInstant('2026-11-20'), null)
  assert.equal(readInstant('2026-11-20T25:00:00Z'), null)
})

test('a day begins at midnight in the source’s zone', () => {
  const midnight = { 'Asia/Makassar': '1985-03-03T16:00:00Z', 'Asia/Jayapura': '1985-03-03T15:00:00Z' }
  for (const [zone, text] of Object.entries(midnight) as ['Asia/Makassar' | 'Asia/Jayapura', string][]) {
    const read = compileDayReader(['DD/MM/YYYY HH:mm', 'instant'], [], zone)
    assert.equal(read(text), '1985-03-04', zone)
    assert.equal(read('04/03/1985 00:00'), '1985-03-04', zone)
    assert.equal(compileDayReader(['epochSeconds'], [], zone)(String(Date.parse(text) / 1000)), '1985-03-04', zone)
  }
  const utc = compileDayReader(['YYYY-MM-DD HH:mm', 'instant'], [], 'UTC')
  assert.equal(utc('1985-03-03 17:00'), '1985-03-04')
  assert.equal(utc('1985-03-04T00:00:00Z'), '1985-03-04')
})

test('an epoch reads days before 1970', () => {
  const ms = Date.parse('1955-03-03T17:00:00Z')
  assert.equal(compileDayReader(['epochSeconds'], [])(String(ms / 1000)), '1955-03-04')
  assert.equal(compileDayReader(['epochMilliseconds'], [])(String(ms)), '1955-03-04')
})

test('a time of change without a time of day is the midnight of the source’s zone', () => {
  const read = (zone: 'Asia/Jayapura' | 'UTC') => compileInstantReader(['DD-MM-YYYY'], [], zone)('04-03-2026')
  assert.equal(read('UTC'), Date.parse('2026-03-04T00:00:00Z'))
  assert.equal(read('Asia/Jayapura'), Date.parse('2026-03-03T15:00:00Z'))
})
