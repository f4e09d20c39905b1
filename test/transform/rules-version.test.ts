import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTransform } from '../../sidecar/transform/transform.ts'
import { shippedMapping } from './helpers.ts'

test('transforms by the same mapping have one version, and by any other another', () => {
  const mapping = shippedMapping()
  const { version } = createTransform(mapping)
  assert.equal(createTransform(structuredClone(mapping)).version, version)
  const other = { ...mapping, unknownDateWords: [...mapping.unknownDateWords, 'ENTAH'] }
  assert.notEqual(createTransform(other).version, version)
})
