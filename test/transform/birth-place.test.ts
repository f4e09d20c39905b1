import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileBirthPlaces } from '../../sidecar/transform/birth-place.ts'
import { shippedMapping } from './helpers.ts'

const keyOf = compileBirthPlaces(shippedMapping().birthPlaceAliases)

test('city and regency of one name have one key', () => {
  for (const place of ['Bandung', 'KOTA BANDUNG', 'Kab. Bandung', 'Kabupaten  Bandung', 'kab bandung']) {
    assert.deepEqual(keyOf(place, 1985), { key: 'BANDUNG', fitsPeriod: true })
  }
})

test('a place that begins with the word for city keeps it where it is its name', () => {
  assert.equal(keyOf('Kotabaru', null)?.key, 'KOTABARU')
  assert.equal(keyOf('Kota Baru', null)?.key, 'KOTABARU')
})

test('Ujung Pandang is Makassar for those born from 1971 to 1999', () => {
  for (const year of [1971, 1999, null])
    assert.deepEqual(keyOf('Ujung Pandang', year), { key: 'MAKASSAR', fitsPeriod: true })
  for (const year of [1970, 2000])
    assert.deepEqual(keyOf('Ujung Pandang', year), { key: 'UJUNG PANDANG', fitsPeriod: false })
  assert.deepEqual(keyOf('Kota Makassar', 1985), { key: 'MAKASSAR', fitsPeriod: true })
})

test('punctuation alone is no place', () => {
  assert.equal(keyOf('- .', 1985), null)
})
