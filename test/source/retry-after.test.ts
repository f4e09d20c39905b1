import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRetryAfter } from '../../sidecar/source/retry-after.ts'

const serverNow = Date.UTC(2026, 10, 3, 7)

const cases: Array<[string | null, number | null]> = [
  [null, null],
  ['', null],
  ['0', 0],
  [' 120 ', 120_000],
  ['3171015507900007', 86_400_000],
  ['-5', null],
  ['1.5', null],
  ['soon', null],
  ['2026-11-03', null],
  ['-86400', null],
  ['9'.repeat(400), 86_400_000],
  ['Tue, 03 Nov 2026 07:01:30 GMT', 90_000],
  ['Tuesday, 03-Nov-26 07:01:30 GMT', 90_000],
  ['Tue Nov  3 07:01:30 2026', 90_000],
  ['Tue, 03 Nov 2026 06:00:00 GMT', 0],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400_000]
]
for (const [value, expected] of cases) {
  test(`reads Retry-After ${JSON.stringify(value)} as ${expected} ms`, () => {
    assert.equal(parseRetryAfter(value, serverNow), expected)
  })
}
