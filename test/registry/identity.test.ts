import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { ConfigurationError } from '../../sidecar/errors.ts'
import { SealBroken, SealFault, SealUnfit } from '../../sidecar/identity/errors.ts'
import { createIdentity } from '../../sidecar/identity/keys.ts'
import {
  cursorOf,
  formerNikOf,
  nikBeforeChangeOf,
  nikOf,
  pageOf,
  rawRowOf,
  type SealPlace
} from '../../sidecar/identity/seal-place.ts'
import { sealUnbound } from './helpers.ts'

const key = () => randomBytes(32).toString('base64')
const nik = '3171014101900001'

test('equal NIKs have equal digests under one key, and others under another', () => {
  const keys = { digestKey: key(), sealKeyId: '1', sealKey1: key() }
  const identity = createIdentity(keys)
  assert.deepEqual(identity.digestNik(nik), identity.digestNik(nik))
  assert.notDeepEqual(identity.digestNik(nik), createIdentity({ ...keys, digestKey: key() }).digestNik(nik))
})

test('a sealed value can be opened, is never sealed the same way twice, and contains nothing in clear', () => {
  const identity = createIdentity({ digestKey: key(), sealKeyId: '1', sealKey1: key() })
  const sealed = identity.seal(nikOf(1), nik)
  assert.equal(identity.open(nikOf(1), sealed).toString(), nik)
  assert.notDeepEqual(sealed, identity.seal(nikOf(1), nik))
  assert.equal(sealed.includes(nik), false)
})

test('a value sealed with an earlier key opens as long as that key is kept', () => {
  const keys = { digestKey: key(), sealKeyId: '1', sealKey1: key() }
  const sealed = createIdentity(keys).seal(pageOf(1, 1), 'earlier')
  const later = createIdentity({ ...keys, sealKeyId: '2', sealKey2: key() })
  assert.equal(later.open(pageOf(1, 1), sealed).toString(), 'earlier')
  assert.equal(later.seal(pageOf(1, 1), 'later')[1], 2)
  const { sealKey1: _, ...without } = { ...keys, sealKeyId: '2', sealKey2: key() }
  assert.throws(() => createIdentity(without).open(pageOf(1, 1), sealed), SealBroken)
})

/** Of every column, two rows of most: no two of these are the same place. */
const places: SealPlace[] = [
  nikOf(1),
  nikOf(11),
  formerNikOf(1),
  nikBeforeChangeOf(1),
  rawRowOf('kki', 1, 11, 'EQ00000000000001'),
  rawRowOf('kki', 11, 1, 'EQ00000000000001'),
  rawRowOf('kki', 1, 11, 'EQ00000000000002'),
  rawRowOf('sdmk', 1, 11, 'EQ00000000000001'),
  rawRowOf('kki', 1, 11, `row:${'ab'.repeat(32)}`),
  pageOf(1, 11),
  pageOf(11, 1),
  cursorOf(1),
  cursorOf(11)
]

test('a value opens only at its own place: not for another row, column or table, nor with a flipped byte', () => {
  const identity = createIdentity({ digestKey: key(), sealKeyId: '1', sealKey1: key() })
  for (const from of places) {
    const sealed = identity.seal(from, nik)
    for (const to of places) {
      if (to === from) assert.equal(identity.open(to, sealed).toString(), nik)
      else assert.throws(() => identity.open(to, sealed), SealUnfit, `${from.column} to ${to.column}`)
    }
  }
  const sealed = identity.seal(nikOf(1), nik)
  for (let i = 0; i < sealed.length; i++) {
    const flipped = Buffer.from(sealed)
    flipped[i] = (flipped[i] as number) ^ 1
    assert.throws(() => identity.open(nikOf(1), flipped), SealFault, `byte ${i}`)
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(() => identity.open(nikOf(1), sealed.subarray(0, length)), SealFault, `${length} bytes`)
  }
})

test('an error about a sealed value names the column and the row, and neither the STR nor the value', () => {
  const identity = createIdentity({ digestKey: key(), sealKeyId: '1', sealKey1: key() })
  const place = rawRowOf('kki', 3, 5, 'EQ00000000000001')
  assert.throws(() => identity.open(place, identity.seal(nikOf(1), nik)), {
    code: 'SDMK_SEAL_UNFIT',
    message:
      'kki.rejection_occurrence.raw_sealed of batch 3 row 5: the sealed value was altered, or it belongs to another row or field'
  })
})

test('the digest of a rejected row without an STR is not part of its place, because another digest key changes it', () => {
  assert.deepEqual(rawRowOf('kki', 1, 2, 'row:aa'), rawRowOf('kki', 1, 2, 'row:bb'))
})

test('a value of the former version opens only for resealing', () => {
  const keys = { digestKey: key(), sealKeyId: '1', sealKey1: key() }
  const identity = createIdentity(keys)
  const former = sealUnbound(keys.sealKey1, 'nik', nik)
  assert.throws(() => identity.open(nikOf(1), former), { fault: 'unbound' })
  assert.equal(identity.open(nikOf(1), former, 'nik').toString(), nik)
  assert.throws(() => identity.open(nikOf(1), former, 'row'), SealUnfit)
})

test('keys of another length are rejected by name', () => {
  const short = { digestKey: 'c2hvcnQ=', sealKeyId: '1', sealKey1: key() }
  assert.throws(
    () => createIdentity(short),
    (error: unknown) => error instanceof ConfigurationError && /digestKey/.test(error.message)
  )
})
