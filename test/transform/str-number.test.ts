import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalStr, isStrNumber, strFormatOf } from '../../sidecar/transform/str-number.ts'

test('the canonical form of a canonical form is itself', () => {
  const written = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('S', 't', 'R', '-', '.', ' ', '1', 'é', 'Е') })
  )
  fc.assert(fc.property(written, text => assert.equal(canonicalStr(canonicalStr(text)), canonicalStr(text))))
})

test('separators, letter case and a leading STR do not change the number', () => {
  for (const text of ['STR-DU.000-00000000101', 'str: du00000000000101', ' DU 0000 0000 0001 01 ']) {
    assert.equal(canonicalStr(text), 'DU00000000000101')
  }
})

test('numbers have 8 to 24 letters and digits of ASCII', () => {
  for (const good of ['12345678', 'A'.repeat(24), 'KFN2010998']) assert.ok(isStrNumber(good))
  for (const bad of ['', '1234567', 'A'.repeat(25), '1234567Е', '1234567a']) assert.ok(!isStrNumber(bad))
})

test('the family of a number follows from its shape', () => {
  assert.equal(strFormatOf('3111100220000101'), 'kki_2004')
  assert.equal(strFormatOf('DU00000000000101'), 'lifetime')
  assert.equal(strFormatOf('DUO0000000000101'), 'unknown')
})
