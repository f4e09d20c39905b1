import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileDayReader, compileInstantReader } from '../../sidecar/transform/dates.ts'
import type { Mapping } from '../../sidecar/transform/mapping.ts'
import { createTransform } from '../../sidecar/transform/transform.ts'
import type { TransformContext } from '../../sidecar/transform/types.ts'
import { context, readContract, shippedMapping } from './helpers.ts'

const shipped = shippedMapping()
const { base } = readContract('cases/transform.json') as { base: Record<string, unknown> }

function candidate(mapping: Mapping, record: unknown, at: TransformContext = context) {
  const result = createTransform(mapping)(record, at)
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

test('a field without a description is absent', () => {
  const { strNumber, name, profession, status, changedAt } = shipped.fields
  const mapping: Mapping = {
    ...shipped,
    fields: { strNumber, name, profession, status, ...(changedAt && { changedAt }) },
    dateFormats: { changedAt: ['instant'] }
  }
  const { nik, birthDate, sex, validUntil, province, graduationYear } = candidate(mapping, base)
  assert.deepEqual([nik, birthDate, sex, validUntil, province, graduationYear], [null, null, null, null, null, null])
})

test('without a described time of change the time of the answer is the stamp, and not part of the content', () => {
  const { changedAt: _, ...fields } = shipped.fields
  const { changedAt: __, ...dateFormats } = shipped.dateFormats
  const mapping: Mapping = { ...shipped, fields, dateFormats }
  const [first, second] = [context, { ...context, sourceNow: context.sourceNow + 1000 }].map(at =>
    candidate(mapping, base, at)
  )
  assert.equal(first?.changedAt, new Date(context.sourceNow).toISOString())
  assert.notEqual(first?.changedAt, second?.changedAt)
  assert.equal(first?.contentHash, second?.contentHash)
  assert.notEqual(candidate(mapping, { ...base, provinsi: 'Bali' }).contentHash, first?.contentHash)
})

test('values are read from elements, parts, codes and constants', () => {
  const mapping: Mapping = {
    ...shipped,
    fields: {
      ...shipped.fields,
      nik: { list: '/nomor', where: { '/jenis': 'NIK' }, at: '/isi', convert: ['digits'] },
      name: { join: ['/depan', '/belakang'] },
      sex: { at: '/kelamin', convert: ['text'] },
      profession: { firstOf: ['/profesi_baru', '/profesi'] },
      status: { constant: 'AKTIF' },
      graduationYear: { at: '/lulus', convert: ['number'] }
    },
    sexWords: { 1: 'male', 2: 'female' }
  }
  const record = {
    ...base,
    nomor: [
      { jenis: 'lama', isi: '1' },
      { jenis: 'NIK', isi: '3171 0157 0885 0001' }
    ],
    depan: 'Siti',
    belakang: 'Aminah',
    kelamin: 2,
    profesi_baru: ' ',
    status_str: 'ANEH',
    lulus: '2010'
  }
  const { nik, name, sex, profession, status, graduationYear } = candidate(mapping, record)
  assert.deepEqual(
    [nik, name, sex, profession, status, graduationYear],
    ['3171015708850001', 'Siti Aminah', 'female', candidate(shipped, base).profession, 'active', 2010]
  )
})

test('a rejection names the place of the value, or of its list', () => {
  const nik = { list: '/nomor', where: { '/jenis': 'NIK' }, at: '/isi' }
  const mapping: Mapping = { ...shipped, fields: { ...shipped.fields, nik, province: { at: '/prov/0' } } }
  const result = createTransform(mapping)({ ...base, nomor: [{ jenis: 'NIK', isi: 7 }], prov: [{}] }, context)
  assert.ok(!result.ok)
  assert.deepEqual(
    result.rejections.map(({ instancePath }) => instancePath),
    ['/nomor', '/prov/0']
  )
})

test('a time is read as seconds or milliseconds since 1970, as a number or as text', () => {
  const mapping = (format: string): Mapping => ({
    ...shipped,
    dateFormats: { ...shipped.dateFormats, changedAt: [format] }
  })
  for (const [format, diubah_pada] of [
    ['epochSeconds', 1_790_000_000],
    ['epochSeconds', '1790000000'],
    ['epochSeconds', '1790000000.5'],
    ['epochMilliseconds', 1_790_000_000_250]
  ] as const) {
    const expected = new Date(Math.floor(Number(diubah_pada) * (format === 'epochSeconds' ? 1000 : 1))).toISOString()
    assert.equal(candidate(mapping(format), { ...base, diubah_pada }).changedAt, expected)
  }
  for (const diubah_pada of [1e30, 'NaN', '', true]) {
    assert.ok(!createTransform(mapping('epochSeconds'))({ ...base, diubah_pada }, context).ok, String(diubah_pada))
  }
})

test('a time without an offset is in the described zone, and a day is the same day in every zone', () => {
  const formats = ['YYYY-MM-DD HH:mm:ss', 'D MMMM YYYY, HH:mm WIT', 'YYYY-MM-DD']
  const months = shipped.monthNames
  const utc = compileInstantReader(formats, months, 'UTC')
  const jayapura = compileInstantReader(formats, months, 'Asia/Jayapura')
  assert.equal(utc('2026-11-21 03:00:00'), Date.UTC(2026, 10, 21, 3))
  assert.equal(jayapura('2026-11-21 03:00:00'), Date.UTC(2026, 10, 20, 18))
  assert.equal(jayapura('1 Mei 2026, 10:30 WIT'), Date.UTC(2026, 4, 1, 1, 30))
  assert.equal(compileDayReader(formats, months, 'UTC')('2026-11-21 18:00:00'), '2026-11-22')
  assert.equal(compileDayReader(formats, months, 'UTC')('2026-11-21'), '2026-11-21')
  assert.equal(compileDayReader(['epochSeconds'], months, 'UTC')('0'), '1970-01-01')
})
