import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { renderMappingSchema } from '../../docs/generate-mapping-schema.ts'
import { ConfigurationError } from '../../sidecar/errors.ts'
import { loadMapping } from '../../sidecar/sync/mapping-file.ts'
import { type Mapping, parseMapping } from '../../sidecar/transform/mapping.ts'
import { readContract, shippedMapping } from './helpers.ts'

/** Asserts that a change makes the shipped mapping unusable, and that the error names the place. */
function refuses(change: (mapping: Mapping) => unknown, place: string) {
  const mapping = readContract('kki-mapping.json') as Mapping
  change(mapping)
  assert.throws(
    () => parseMapping(mapping),
    (error: unknown) => {
      assert.ok(error instanceof ConfigurationError)
      assert.equal(error.variable, 'KKI_MAPPING_FILE')
      assert.ok(error.message.startsWith(`KKI_MAPPING_FILE: ${place}`), error.message)
      return true
    }
  )
}

test('the shipped mapping is in good order and covers every profession that KKI filters by, once', () => {
  const filters = shippedMapping().professions.flatMap(({ kkiCodes }) => kkiCodes)
  const expected = `DOKTER DOKTER_SPESIALIS DOKTER_GIGI PERAWAT NERS BIDAN APOTEKER TENAGA_TEKNIS_KEFARMASIAN
    TENAGA_TEKNOLOGI_LABORATORIUM_MEDIK NUTRISIONIS RADIOGRAFER FISIOTERAPIS SANITASI_LINGKUNGAN PEREKAM_MEDIS
    PENATA_ANESTESI PSIKOLOG_KLINIS`.split(/\s+/)
  assert.deepEqual(filters.toSorted(), expected.toSorted())
  assert.equal(shippedMapping().professions.length, expected.length)
})

test('the JSON schema is the one that the sidecar checks by', () => {
  const file = new URL('../../contracts/kki-mapping.schema.json', import.meta.url)
  assert.equal(readFileSync(file, 'utf8'), renderMappingSchema())
})

test('what is no mapping is refused with the place at fault', () => {
  assert.throws(() => parseMapping(null), /KKI_MAPPING_FILE: \//)
  refuses(mapping => Object.assign(mapping.fields, { nik: 'nik' }), '/fields/nik')
  refuses(mapping => Object.assign(mapping.statusWords, { ANEH: 'odd' }), '/statusWords/ANEH')
  refuses(mapping => Object.assign(mapping, { professions: [] }), '/professions')
})

test('two fields cannot come from one place', () => {
  refuses(mapping => Object.assign(mapping.fields, { province: '/nama' }), '/fields/province')
})

test('formats that cannot be told apart are refused', () => {
  refuses(mapping => mapping.dateFormats.birthDate.push('MM-DD-YYYY'), '/dateFormats/birthDate/')
  refuses(mapping => mapping.dateFormats.issuedOn.push('DD-MM'), '/dateFormats/issuedOn/')
})

test('a month has no name of another month', () => {
  refuses(mapping => mapping.monthNames[1]?.push('JAN'), '/monthNames/')
})

test('a word has one meaning, however it is written', () => {
  refuses(mapping => Object.assign(mapping.statusWords, { 'tidak aktif': 'active' }), '/statusWords/')
})

test('a profession, its code and a word on one day are unambiguous', () => {
  const first = (mapping: Mapping) => mapping.professions[0] as Mapping['professions'][number]
  refuses(mapping => Object.assign(first(mapping), { code: 'nurse' }), '/professions/')
  refuses(mapping => first(mapping).kkiCodes.push('perawat'), '/professions/')
  refuses(mapping => first(mapping).aliases.push({ value: 'Bidan' }), '/professions/')
  refuses(mapping => first(mapping).aliases.push({ value: 'Atlm', validUntil: '2014-10-17' }), '/professions/')
  refuses(mapping => first(mapping).aliases.push({ value: 'BARU', validFrom: '2023-02-30' }), '/professions/0/aliases/')
})

test('a word may pass from one profession to another from a day on', () => {
  const mapping = readContract('kki-mapping.json') as Mapping
  mapping.professions[0]?.aliases.push({ value: 'ATLM', validUntil: '2014-10-16' })
  assert.ok(parseMapping(mapping))
})

test('a birthplace has one alias', () => {
  refuses(mapping => mapping.birthPlaceAliases.push({ value: 'UJUNG-PANDANG', key: 'Makassar' }), '/birthPlaceAliases/')
})

test('a mapping file may begin with a byte order mark, and must be UTF-8', async t => {
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-mapping-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'mapping.json')
  const text = JSON.stringify(readContract('kki-mapping.json'))
  await writeFile(file, `\ufeff${text}`)
  assert.deepEqual(await loadMapping(file), parseMapping(JSON.parse(text)))
  await writeFile(file, Buffer.from(text.replace('AKTIF', 'AKTIF é'), 'latin1'))
  await assert.rejects(loadMapping(file), /^ConfigurationError: KKI_MAPPING_FILE: cannot be read \(NOT_UTF8\)/)
})
