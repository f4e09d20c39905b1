import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compactExactly } from '../../sidecar/registry/exact-json.ts'

test('a number too long for JavaScript is stored as it came', () => {
  assert.equal(compactExactly('{ "nik": 3171234567890123456, "n": 1.50 }'), '{"nik":3171234567890123456,"n":1.50}')
})
