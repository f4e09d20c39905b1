import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { placeOf } from '../../sidecar/transform/field-source.ts'
import { cleanText } from '../../sidecar/transform/text.ts'
import { createTransform } from '../../sidecar/transform/transform.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { context, readContract, shippedMapping } from './helpers.ts'

const mapping = shippedMapping()
const transform = createTransform(mapping)
const base = (readContract('cases/transform.json') as { base: Record<string, unknown> }).base

function candidateOf(changes: Record<string, unknown>): Candidate {
  const result = transform({ ...base, ...changes }, context)
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

const fieldNames = Object.values(mapping.fields).map(source => placeOf(source).slice(1))

test('any JSON gives a candidate or at least one rejection, and never an exception', () => {
  const record = fc.dictionary(fc.constantFrom(...fieldNames), fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' })))
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), record), json => {
      const result = transform(json, context)
      assert.ok(result.ok || result.rejections.length > 0)
    })
  )
})

test('the same record gives the same result, and is not changed', () => {
  const changes = fc.dictionary(fc.constantFrom(...fieldNames), fc.oneof(fc.string(), fc.constant(null)))
  fc.assert(
    fc.property(changes, some => {
      const record = Object.freeze({ ...base, ...some })
      assert.deepEqual(transform(record, context), createTransform(mapping)(record, context))
    })
  )
})

test('texts of a candidate are well-formed, composed, trimmed and free of control characters', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom('&', '#', 'x', '0', '1', ';', ' ', '\u0000', '\ud800', 'e', '\u0301'),
      maxLength: 40
    })
  )
  fc.assert(
    fc.property(text, value => {
      // A row with half of a character is rejected.
      fc.pre(!cleanText(value).includes('\ufffd'))
      const candidate = candidateOf({ institusi_pendidikan: value, provinsi: value, nama: `Budi ${value} Budi` })
      for (const found of [candidate.institution, candidate.province, candidate.name]) {
        if (found === null) continue
        assert.ok(found.isWellFormed())
        assert.equal(found, found.normalize('NFC'))
        assert.equal(found, found.trim())
        assert.doesNotMatch(found, /\p{Cc}| {2}/u)
      }
    })
  )
})

test('a rejection repeats no value of its row', () => {
  const secret = 'Rahasia'
  const result = transform({ ...base, nama: 7, profesi: secret, status_str: secret, diubah_pada: secret }, context)
  assert.ok(!result.ok)
  assert.doesNotMatch(JSON.stringify(result.rejections), /Rahasia/)
})

test('a value that is not an object is rejected as a whole', () => {
  for (const record of [null, [], 'text', 7, true, undefined]) {
    const result = transform(record, context)
    assert.ok(!result.ok)
    assert.deepEqual(
      result.rejections.map(({ code, instancePath }) => [code, instancePath]),
      [['SCHEMA_INVALID', '']]
    )
  }
})

test('a rejected row keeps its readable STR and profession', () => {
  const result = transform({ ...base, nama: 'dr.' }, context)
  assert.ok(!result.ok)
  assert.deepEqual([result.strNumber, result.profession], ['3111100220000101', 'doctor'])
})

test('the content hash has 32 hex digits and does not depend on the NIK', () => {
  const { contentHash } = candidateOf({})
  assert.match(contentHash, /^[0-9a-f]{32}$/)
  assert.equal(candidateOf({ nik: '3171011708850002' }).contentHash, contentHash)
})

test('every field but the NIK is part of the content hash', () => {
  const others: Record<string, unknown> = {
    nomor_str: '31.1.1.100.2.20.000102',
    nama: 'Budi Santosa',
    gelar_depan: 'Dr. dr.',
    gelar_belakang: 'Sp.PD',
    tempat_lahir: 'Bogor',
    tanggal_lahir: '1985-08-18',
    jenis_kelamin: 'P',
    profesi: 'DOKTER_GIGI',
    kompetensi: 'Umum',
    status_str: 'DICABUT',
    tanggal_terbit: '2023-08-18',
    berlaku_sampai: '2028-08-18',
    institusi_pendidikan: 'Institut Contoh',
    tahun_lulus: 2011,
    provinsi: 'Bali',
    diubah_pada: '2026-11-20T03:00:01+07:00'
  }
  assert.deepEqual(Object.keys(others).sort(), fieldNames.filter(name => name !== 'nik').sort())
  const hashes = Object.entries(others).map(([field, value]) => candidateOf({ [field]: value }).contentHash)
  assert.equal(new Set([...hashes, candidateOf({}).contentHash]).size, hashes.length + 1)
})

test('text that moves from one field to its neighbour changes the content', () => {
  const here = candidateOf({ institusi_pendidikan: 'Contoh', kompetensi: null })
  const there = candidateOf({ institusi_pendidikan: null, kompetensi: 'Contoh' })
  assert.notEqual(here.contentHash, there.contentHash)
})

test('an old name of a profession is not valid after its last day', () => {
  const later = { ...context, sourceNow: Date.parse('2029-01-01T00:00:00Z') }
  const record = { ...base, profesi: 'ANALIS_KESEHATAN', tanggal_terbit: null }
  assert.ok(transform({ ...record, diubah_pada: '2028-08-31T16:59:59Z' }, later).ok)
  const result = transform({ ...record, diubah_pada: '2028-08-31T17:00:00Z' }, later)
  assert.ok(!result.ok)
  assert.deepEqual(
    result.rejections.map(({ code }) => code),
    ['PROFESSION_UNKNOWN']
  )
})

test('another source path needs only an edit of the mapping', () => {
  const moved = createTransform({ ...mapping, fields: { ...mapping.fields, name: '/orang/nama~1lengkap' } })
  const result = moved({ ...base, orang: { 'nama/lengkap': 'Dewi Lestari' } }, context)
  assert.ok(result.ok)
  assert.equal(result.value.name, 'Dewi Lestari')
  const without = moved(base, context)
  assert.ok(!without.ok)
  assert.equal(without.rejections[0]?.instancePath, '/orang/nama~1lengkap')
})
