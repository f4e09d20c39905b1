import assert from 'node:assert/strict'
import { test } from 'node:test'

// Everywhere but in UTC a date that is read as local time shows.
process.env.TZ = 'Asia/Jakarta'
const { parseHttpDate } = await import('../../sidecar/source/http-date.ts')

const now = Date.UTC(2026, 10, 3, 7)

for (const [text, iso] of [
  ['Sun, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37Z'],
  ['Sunday, 06-Nov-94 08:49:37 GMT', '1994-11-06T08:49:37Z'],
  ['Sun Nov  6 08:49:37 1994', '1994-11-06T08:49:37Z'],
  ['Tue Nov 03 07:00:00 2026', '2026-11-03T07:00:00Z'],
  ['  Tue, 03 Nov 2026 07:00:00 GMT ', '2026-11-03T07:00:00Z'],
  ['Thu, 29 Feb 2024 23:59:59 GMT', '2024-02-29T23:59:59Z'],
  ['Sat, 31 Dec 2016 23:59:60 GMT', '2017-01-01T00:00:00Z'],
  // Fifty years ahead at most, else in the century before.
  ['Tuesday, 03-Nov-76 07:00:00 GMT', '2076-11-03T07:00:00Z'],
  ['Thursday, 03-Nov-77 07:00:00 GMT', '1977-11-03T07:00:00Z'],
  ['Fri, 31 Dec 9999 23:59:59 GMT', '9999-12-31T23:59:59Z']
] as const) {
  test(`reads ${JSON.stringify(text)} as ${iso}, in every time zone of the machine`, () => {
    assert.equal(new Date(2026, 0).getTimezoneOffset(), -420, 'the time zone of Jakarta is in force')
    assert.equal(parseHttpDate(text, now), Date.parse(iso))
  })
}

for (const text of [
  '',
  '2026',
  '1',
  'not a date',
  '2026-11-03T07:00:00Z',
  'Nov 3 2026',
  '3 Nov 2026 07:00:00 GMT',
  'Tue, 03 Nov 2026 07:00:00',
  'Tue, 03 Nov 2026 07:00:00 UTC',
  'Tue, 03 Nov 2026 07:00:00 +0700',
  'Tue, 03 Nov 2026 07:00:00 GMT+0700',
  'Tue, 03 Nov 2026 24:00:00 GMT',
  'Tue, 03 Nov 2026 07:60:00 GMT',
  'Tue, 03 Nov 2026 07:00:61 GMT',
  'Tue, 3 Nov 2026 07:00:00 GMT',
  'Tue, 03 nov 2026 07:00:00 GMT',
  'Tue, 00 Nov 2026 07:00:00 GMT',
  'Mon, 30 Feb 2026 07:00:00 GMT',
  'Wed, 31 Nov 2026 07:00:00 GMT',
  'Wed, 03 Nov 2026 07:00:00 GMT',
  'Tue, 03-Nov-26 07:00:00 GMT',
  'Tuesday, 03 Nov 2026 07:00:00 GMT',
  'Tue Nov 3 07:00:00 2026',
  'Tue Nov  3 07:00:00 2026 GMT',
  'Tue Nov  3 07:00:00 26',
  'Sel, 03 Nov 2026 07:00:00 GMT',
  'Tue, 03 Nov 2026 07:00:00 GMT, Tue, 03 Nov 2026 07:00:00 GMT'
]) {
  test(`rejects ${JSON.stringify(text)} as an HTTP date`, () => {
    assert.equal(parseHttpDate(text, now), null)
  })
}
