import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOwnTransform } from '../../sidecar/transform/own-person.ts'
import { createTransform } from '../../sidecar/transform/transform.ts'
import { context, readContract, shippedMapping } from './helpers.ts'

const mapping = shippedMapping()
const transform = createTransform(mapping)
const { base } = readContract('cases/transform.json') as { base: Record<string, unknown> }
const signs = ['-', '--', '.', '?', '…', '( )', '\u3164', '\u2800']
const words = [...signs, ...(mapping.unknownWords ?? [])]
const spellings = (word: string) => [word, word.toLowerCase(), ` ${word.replaceAll(' ', '_')}. `]

const optional = {
  nik: 'nik',
  gelar_depan: 'titlePrefix',
  gelar_belakang: 'titleSuffix',
  tempat_lahir: 'birthPlace',
  tanggal_lahir: 'birthDate',
  jenis_kelamin: 'sex',
  kompetensi: 'competence',
  tanggal_terbit: 'issuedOn',
  berlaku_sampai: 'validUntil',
  institusi_pendidikan: 'institution',
  tahun_lulus: 'graduationYear',
  provinsi: 'province'
} as const
const required = {
  nomor_str: 'STR_INVALID',
  nama: 'NAME_MISSING',
  profesi: 'SCHEMA_INVALID',
  status_str: 'SCHEMA_INVALID',
  diubah_pada: 'SCHEMA_INVALID'
}

test('every word for "unknown" leaves an optional field blank', () => {
  for (const [column, field] of Object.entries(optional)) {
    for (const word of words.flatMap(spellings)) {
      const result = transform({ ...base, [column]: word }, context)
      assert.ok(result.ok, `${column} ${word}: ${JSON.stringify(result)}`)
      assert.deepEqual([result.value[field], result.value.problems], [null, []], `${column} ${word}`)
    }
  }
})

test('every word for "unknown" in a required field has the code of a blank one', () => {
  for (const [column, code] of Object.entries(required)) {
    for (const word of words.flatMap(spellings)) {
      const result = transform({ ...base, [column]: word }, context)
      assert.ok(!result.ok, `${column} ${word}`)
      const expected = [{ code, instancePath: `/${column}`, params: { reason: 'blank' } }]
      assert.deepEqual(result.rejections, expected, `${column} ${word}`)
    }
  }
})

test('a short word for "unknown" may be a name', () => {
  for (const word of mapping.unknownWordsOutsideNames ?? []) {
    const named = transform({ ...base, nama: word }, context)
    assert.ok(named.ok && named.value.name === word, word)
    const place = transform({ ...base, tempat_lahir: word }, context)
    assert.ok(place.ok && place.value.birthPlace === null, word)
  }
})

test('a word that the mapping gives a meaning is not blank', () => {
  const other = createTransform({ ...mapping, sexWords: { ...mapping.sexWords, '0': 'female' } })
  const result = other({ ...base, jenis_kelamin: '0', nik: null }, context)
  assert.ok(result.ok)
  assert.equal(result.value.sex, 'female')
})

test('a text that only begins with such a word is kept', () => {
  for (const place of ['Nullarbor', 'Kosongan', 'Tidak Ada Lagi', 'Na Bon', '0 km', '北京']) {
    const result = transform({ ...base, tempat_lahir: place }, context)
    assert.ok(result.ok)
    assert.equal(result.value.birthPlace, place)
  }
})

test('a file of SDMK’s own people may have dashes for unknown values', () => {
  const own = createOwnTransform(mapping)
  const nik = '3273011708850026'
  const record = { nik, nama: 'Hesti Utami', tempat_lahir: '-', tanggal_lahir: '-', nomor_str: 'tidak ada' }
  const result = own(record, context.sourceNow)
  assert.ok(result.ok)
  const { birthPlace, birthPlaceKey, birthDate, strNumber } = result.value
  assert.deepEqual([birthPlace, birthPlaceKey, birthDate, strNumber], [null, null, null, null])
  const nobody = own({ ...record, nik: 'N/A' }, context.sourceNow)
  assert.ok(!nobody.ok)
  assert.deepEqual(nobody.rejections[0]?.params, { reason: 'identity' })
})
