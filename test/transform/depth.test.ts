import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadMapping } from '../../sidecar/source/load.ts'
import { cutDeep, isTooDeep, maxDepth } from '../../sidecar/transform/depth.ts'
import { createOwnTransform } from '../../sidecar/transform/own-person.ts'
import { createTransform } from '../../sidecar/transform/transform.ts'

const mapping = await loadMapping(new URL('../../contracts/sources/kki.json', import.meta.url).pathname)
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const good = {
  nomor_str: 'EQ00000000000001',
  nik: '3171010101900001',
  nama: 'Orang Rekaan',
  profesi: 'DOKTER',
  status_str: 'AKTIF',
  diubah_pada: '2026-01-01T00:00:00Z'
}
const context = { sourceNow: Date.parse('2026-06-01T00:00:00Z'), maxSkewMs: 0 }

test('a text of the largest allowed depth stays unchanged', () => {
  for (const levels of [0, 1, maxDepth - 1]) {
    const text = `{"a":"[[[{{{\\"[","b":${nested(levels) || '1'}}`
    assert.equal(cutDeep(text), text)
    assert.equal(isTooDeep(JSON.parse(text)), false)
  }
})

test('a deeper text is cut so that every program can read it, and is still too deep', () => {
  for (const levels of [maxDepth + 1, 6000, 1_000_000]) {
    const text = `{"a":"]]]}}}","b":[1,${nested(levels)},2],"c":"é"}`
    assert.equal(isTooDeep(JSON.parse(text)), true)
    const cut = cutDeep(text)
    assert.ok(cut.length < 300, cut.slice(0, 300))
    const read = JSON.parse(cut)
    assert.equal(isTooDeep(read), true)
    assert.deepEqual([read.a, read.b[0], read.b[2], read.c], [']]]}}}', 1, 2, 'é'])
    assert.equal(cutDeep(cut), cut)
  }
})

test('a text that is not JSON stays so', () => {
  for (const text of [`{"a":${'['.repeat(6000)}`, `{"a":"${'['.repeat(6000)}`]) {
    assert.throws(() => JSON.parse(cutDeep(text)), SyntaxError)
  }
})

test('a record that is nested too deeply is rejected, but its deactivation still counts', () => {
  const transform = createTransform(mapping)
  const lampiran = JSON.parse(nested(6000))
  const refused = transform({ ...good, lampiran }, context)
  assert.deepEqual(!refused.ok && refused.rejections, [
    { code: 'SCHEMA_INVALID', instancePath: '', params: { reason: 'tooDeep', maxDepth } }
  ])
  const ending = transform({ ...good, status_str: 'DICABUT', lampiran }, context)
  assert.equal(ending.ok && ending.value.deactivationOnly, true)
  const own = createOwnTransform(mapping)({ nama: 'Orang Rekaan', lampiran }, Date.now())
  assert.equal(!own.ok && own.rejections[0]?.params.reason, 'tooDeep')
})

test('a record that triggers a defect is rejected alone, without the text of the error', () => {
  const record = {
    ...good,
    get nama(): string {
      throw new TypeError('Siti Rekaan')
    }
  }
  const refused = createTransform(mapping)(record, context)
  assert.deepEqual(!refused.ok && refused.rejections, [{ code: 'ROW_FAULT', instancePath: '', params: {} }])
  const own = createOwnTransform(mapping)(record, Date.now())
  assert.equal(own.ok, false)
})
