import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { ConfigurationError } from '../../sidecar/errors.ts'
import { SealBroken } from '../../sidecar/registry/errors.ts'
import { createIdentity } from '../../sidecar/registry/identity.ts'

const key = () => randomBytes(32).toString('base64')
const nik = '3171014101900001'

test('equal NIKs have equal digests under one key, and others under another', () => {
  const keys = { digestKey: key(), sealKeyId: '1', sealKey1: key() }
  const identity = createIdentity(keys)
  assert.deepEqual(identity.digestNik(nik), identity.digestNik(nik))
  assert.notDeepEqual(identity.digestNik(nik), createIdentity({ ...keys, digestKey: key() }).digestNik(nik))
})

test('what was sealed opens again, is never sealed the same way twice, and holds nothing in clear', () => {
  const identity = createIdentity({ digestKey: key(), sealKeyId: '1', sealKey1: key() })
  const sealed = identity.seal('nik', nik)
  assert.equal(identity.open('nik', sealed).toString(), nik)
  assert.notDeepEqual(sealed, identity.seal('nik', nik))
  assert.equal(sealed.includes(nik), false)
})

test('a value sealed with an earlier key opens as long as that key is kept', () => {
  const keys = { digestKey: key(), sealKeyId: '1', sealKey1: key() }
  const sealed = createIdentity(keys).seal('row', 'earlier')
  const later = createIdentity({ ...keys, sealKeyId: '2', sealKey2: key() })
  assert.equal(later.open('row', sealed).toString(), 'earlier')
  assert.equal(later.seal('row', 'later')[1], 2)
  const { sealKey1: _, ...without } = { ...keys, sealKeyId: '2', sealKey2: key() }
  assert.throws(() => createIdentity(without).open('row', sealed), SealBroken)
})

test('a flipped byte, or another purpose, does not open', () => {
  const identity = createIdentity({ digestKey: key(), sealKeyId: '1', sealKey1: key() })
  const sealed = identity.seal('nik', nik)
  assert.throws(() => identity.open('row', sealed), SealBroken)
  for (let i = 0; i < sealed.length; i++) {
    const flipped = Buffer.from(sealed)
    flipped[i] = (flipped[i] as number) ^ 1
    assert.throws(() => identity.open('nik', flipped), SealBroken, `byte ${i}`)
  }
})

test('keys of another length are refused by name', () => {
  const short = { digestKey: 'c2hvcnQ=', sealKeyId: '1', sealKey1: key() }
  assert.throws(
    () => createIdentity(short),
    (error: unknown) => error instanceof ConfigurationError && /digestKey/.test(error.message)
  )
})
