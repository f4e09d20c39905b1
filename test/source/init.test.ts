import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { maskAnswer } from '../../sidecar/source/check/mask.ts'
import type { SourceDescription } from '../../sidecar/source/description.ts'
import { proposeDescription } from '../../sidecar/source/init/propose.ts'
import { parseDescription, shippedDescription } from '../../sidecar/source/load.ts'
import type { Tables } from '../../sidecar/transform/tables.ts'

const { tables } = JSON.parse(await readFile(shippedDescription, 'utf8')) as { tables: Tables }

/** Invented people; the digits of a NIK tell the day of birth. */
const people = Array.from({ length: 12 }, (_, index) => {
  const day = String(index + 11)
  return {
    name: ['Sri Wahyuni', 'Budi Santoso', 'Made Putra', 'Rina Simatupang'][index % 4] as string,
    nik: `317101${index % 2 === 0 ? Number(day) + 40 : day}0485${String(index + 1).padStart(4, '0')}`,
    str: `EQ${String(20_260_000 + index).padStart(14, '0')}`,
    day,
    isWoman: index % 2 === 0
  }
})

type Draft = Record<'request' | 'fields' | 'tables', Record<string, unknown>> & Record<string, unknown>

/** Fills the gaps that a person would fill, and loads the result. */
function load(page: unknown, fill: (draft: Draft) => void): SourceDescription {
  const { description } = proposeDescription(page, tables)
  const file = JSON.parse(JSON.stringify(description)) as Draft
  file.authentication = { type: 'none' }
  fill(file)
  return parseDescription(file, { file: 'proposed.json', defaults: tables })
}

const council = {
  data: people.map(({ name, nik, str, day, isWoman }) => ({
    nomor_str: str,
    nik,
    nama: name,
    gelar_belakang: 'S.Kep',
    tanggal_lahir: `1985-04-${day}`,
    jenis_kelamin: isWoman ? 'P' : 'L',
    profesi: 'PERAWAT',
    status_str: 'AKTIF',
    tanggal_terbit: '2024-02-01',
    berlaku_sampai: 'Seumur Hidup',
    tahun_lulus: 2007,
    diubah_pada: `2026-11-${day}T03:00:00Z`
  })),
  meta: { kursor_berikutnya: 'abc', total: 4000 }
}

test('proposes the shipped description for a page of the shape that it describes', () => {
  const proposed = load(council, file => {
    file.request.path = '/v1/tenaga-kesehatan'
  })
  assert.deepEqual(proposed.fields, {
    strNumber: '/nomor_str',
    nik: '/nik',
    name: '/nama',
    titleSuffix: '/gelar_belakang',
    birthDate: '/tanggal_lahir',
    sex: '/jenis_kelamin',
    profession: '/profesi',
    status: '/status_str',
    issuedOn: '/tanggal_terbit',
    validUntil: '/berlaku_sampai',
    graduationYear: '/tahun_lulus',
    changedAt: '/diubah_pada'
  })
  assert.deepEqual(proposed.paging, { type: 'cursor', next: '/meta/kursor_berikutnya' })
  assert.equal(proposed.answer.rows, '/data')
  assert.equal(proposed.answer.total, '/meta/total')
  assert.deepEqual(proposed.dates.formats.changedAt, ['instant'])
})

test('counts "for life" apart from the dates, and names possible places of a missing field', () => {
  const page = {
    data: people.map(({ name, nik, str }, index) => ({
      nomor_str: str,
      nik,
      nama: name,
      profesi: 'PERAWAT',
      tahap: `tahap ${index}`,
      berlaku_sampai: index === 0 ? '2028-12-31' : 'Seumur Hidup'
    }))
  }
  const texts = new Map(proposeDescription(page, tables).notes.map(({ at, text }) => [at, text]))
  assert.equal(
    texts.get('/dates/formats/validUntil'),
    `YYYY-MM-DD read 1 of 1 dates; ${people.length - 1} more say: for life`
  )
  assert.match(texts.get('/fields/status') ?? '', /not read yet: \/tahap$/)
})

test('recognises pages by number, English names, numbers as codes and days before months', () => {
  const page = {
    success: true,
    data: people.map(({ name, nik, str, day, isWoman }) => ({
      registration_number: str,
      id_card_no: Number(nik),
      full_name: name,
      date_of_birth: `${day}/04/1985`,
      gender: isWoman ? 2 : 1,
      profesi: { id: 7, nama: 'Perawat' },
      status: 'Tidak Aktif',
      graduation_year: '2007',
      updated_at: `2026-11-${day} 10:00:00`
    })),
    current_page: 1,
    per_page: 12,
    last_page: 400,
    total: 4800,
    next_page_url: 'http://localhost/api/str?page=2&per_page=12'
  }
  const { notes } = proposeDescription(page, tables)
  assert.ok(notes.some(({ kind, at, text }) => kind === 'look' && at === '/fields/nik' && /lose digits/.test(text)))
  const fills = notes.filter(({ kind }) => kind === 'fill').map(({ at }) => at)
  assert.deepEqual(fills.sort(), ['/authentication', '/tables/sexWords/1', '/tables/sexWords/2'])
  const proposed = load(page, file => {
    file.tables.sexWords = { 1: 'male', 2: 'female' }
  })
  assert.deepEqual(proposed.fields, {
    strNumber: '/registration_number',
    nik: { at: '/id_card_no', convert: ['text'] },
    name: '/full_name',
    birthDate: '/date_of_birth',
    sex: { at: '/gender', convert: ['text'] },
    profession: '/profesi/nama',
    status: '/status',
    graduationYear: { at: '/graduation_year', convert: ['number'] },
    changedAt: '/updated_at'
  })
  assert.deepEqual(proposed.paging, { type: 'page_number', firstPage: 1, lastPage: '/last_page' })
  assert.deepEqual(proposed.request, { path: '/api/str', query: { page: '{page}', per_page: '{pageSize}' } })
  assert.equal(proposed.limits.pageSize, 12)
  assert.deepEqual(proposed.dates.formats.birthDate, ['DD/MM/YYYY'])
  assert.deepEqual(proposed.dates.formats.changedAt, ['YYYY-MM-DD HH:mm:ss'])
})

test('finds registrations in a list inside each person', () => {
  const page = {
    status: 200,
    data: people.map(({ name, nik, str, day, isWoman }) => ({
      nik,
      nama: name,
      tanggal_lahir: `${day} April 1985`,
      jenis_kelamin: isWoman ? 'Perempuan' : 'Laki-laki',
      pekerjaan: [{ unit: 'RS Contoh', jenis_sdmk: 'BIDAN', str, status: 'AKTIF', tanggal_akhir_str: '2028-08-31' }]
    }))
  }
  const proposed = load(page, file => {
    file.request.path = '/rest/biodata'
    file.paging = { type: 'single_page' }
  })
  assert.deepEqual(proposed.answer.registrations, { list: '/pekerjaan' })
  assert.equal(proposed.fields.strNumber, '/pekerjaan/str')
  assert.equal(proposed.fields.profession, '/pekerjaan/jenis_sdmk')
  assert.equal(proposed.fields.validUntil, '/pekerjaan/tanggal_akhir_str')
  assert.equal(proposed.fields.nik, '/nik')
  assert.deepEqual(proposed.dates.formats.birthDate, ['D MMMM YYYY'])
})

test('recognises identifiers by their system, and the next address in a list of links', () => {
  const page = {
    resourceType: 'Bundle',
    total: 90,
    link: [
      { relation: 'self', url: 'https://fhir.example/r4/Practitioner?_count=12' },
      { relation: 'next', url: 'https://fhir.example/r4/Practitioner?_count=12&page=2' }
    ],
    entry: people.map(({ name, nik, str, day, isWoman }) => ({
      resource: {
        resourceType: 'Practitioner',
        name: [{ text: name }],
        gender: isWoman ? 'female' : 'male',
        birthDate: `1985-04-${day}`,
        identifier: [
          { system: 'https://fhir.example/id/nakes-his-number', value: `1000${day}` },
          { system: 'https://fhir.example/id/nik', value: nik }
        ],
        qualification: [
          {
            identifier: [{ system: 'https://fhir.example/id/str-kki-number', value: str }],
            period: { start: '2024-02-01' }
          }
        ],
        meta: { lastUpdated: `2026-11-${day}T03:00:00.123456+00:00` }
      }
    }))
  }
  const proposed = load(page, file => {
    file.fields.profession = '/resource/qualification/code/text'
    file.fields.status = { constant: 'active' }
    file.tables = { ...file.tables, statusWords: { active: 'active' } }
  })
  assert.deepEqual(proposed.answer.registrations, { list: '/resource/qualification' })
  assert.deepEqual(proposed.fields.strNumber, {
    list: '/resource/qualification/identifier',
    where: { '/system': 'https://fhir.example/id/str-kki-number' },
    at: '/value'
  })
  assert.deepEqual(proposed.fields.nik, {
    list: '/resource/identifier',
    where: { '/system': 'https://fhir.example/id/nik' },
    at: '/value'
  })
  assert.equal(proposed.fields.name, '/resource/name/0/text')
  assert.equal(proposed.fields.changedAt, '/resource/meta/lastUpdated')
  assert.deepEqual(proposed.paging, {
    type: 'json_link',
    next: { list: '/link', where: { '/relation': 'next' }, at: '/url' }
  })
  assert.deepEqual(proposed.tables.sexWords, { female: 'female', male: 'male' })
})

test('recognises a NIK, an STR number, a sex and a status by their content alone', () => {
  const rows = people.map(({ name, nik, str, isWoman }) => ({
    a: nik,
    b: str,
    c: isWoman ? 'P' : 'L',
    d: 'AKTIF',
    e: name
  }))
  const { description } = proposeDescription(rows, tables)
  const { fields } = description as { fields: Record<string, unknown> }
  assert.deepEqual(fields, {
    strNumber: '/b',
    nik: '/a',
    name: 'FILL IN: a JSON pointer such as /nama',
    sex: '/c',
    profession: 'FILL IN: a JSON pointer such as /nama',
    status: '/d'
  })
})

test('a proposal with a gap does not load, and the error names the gap', () => {
  const { description } = proposeDescription(council, tables)
  const file = JSON.parse(JSON.stringify(description))
  assert.throws(() => parseDescription(file, { file: 'p.json', defaults: tables }), /p\.json: \/authentication\/type: /)
  file.authentication = { type: 'none' }
  assert.throws(() => parseDescription(file, { file: 'p.json', defaults: tables }), /p\.json: \/request\/path: /)
})

test('finds the status by a few unusual words, proposes their meaning, and asks for the meaning of the others', () => {
  const page = (key: string, words: string[]) => ({
    data: people.map(({ name, nik, str }, index) => ({
      nomor_str: str,
      nik,
      nama: name,
      profesi: 'PERAWAT',
      [key]: words[index % words.length],
      catatan: `catatan ${index}`
    }))
  })
  const words = ['BERLAKU PENUH', 'DICABUT SEMENTARA', 'WARNA KUNING']
  for (const key of ['keadaan', 'kol_7']) {
    const { description, notes } = proposeDescription(page(key, words), tables)
    const { fields, tables: proposed } = description as Record<'fields' | 'tables', Record<string, unknown>>
    assert.equal(fields.status, `/${key}`)
    assert.deepEqual(proposed.statusWords, {
      'BERLAKU PENUH': 'active',
      'DICABUT SEMENTARA': 'suspended',
      'WARNA KUNING': 'FILL IN: active, suspended, inactive, revoked, expired, deceased'
    })
    assert.ok(notes.some(({ kind, at }) => kind === 'fill' && at === '/tables/statusWords/WARNA KUNING'))
  }
  // Words that sound like nothing: the only column with few different ones.
  const { fields } = proposeDescription(page('kol_7', ['HIJAU', 'KUNING', 'MERAH']), tables).description as {
    fields: Record<string, unknown>
  }
  assert.equal(fields.status, '/kol_7')
})

test('finds the field for further pages, by unusual names or as the only boolean next to the rows', () => {
  const pagingOf = (beside: Record<string, unknown>) => {
    const { description, notes } = proposeDescription({ ...council, meta: { offset: 0 }, ...beside }, tables)
    const { type, hasMore } = description.paging as Record<string, unknown>
    return [type, hasMore, notes.some(({ at }) => at === '/paging/hasMore')]
  }
  for (const name of ['masih_ada', 'lanjut', 'ada_lagi', 'hasNextPage', 'berlanjut', 'more_data']) {
    assert.deepEqual(pagingOf({ [name]: true, terkunci: false }), ['offset', `/${name}`, false])
  }
  assert.deepEqual(pagingOf({ sukses: true, xyz: true }), ['offset', '/xyz', true])
  assert.deepEqual(pagingOf({ sukses: true, error: false }), ['offset', undefined, false])
  assert.deepEqual(pagingOf({ xyz: true, abc: false }), ['offset', undefined, false])
})

test('a masked page keeps the forms of NIKs and dates, in every notation', () => {
  const months = ['Januari', 'Mei', 'Agustus', 'Desember']
  const page = {
    data: people.map(({ name, nik, str, day }, index) => ({
      a: str,
      b: `${nik.slice(0, 6)}.${nik.slice(6)}`,
      c: Number(nik),
      nama: name,
      profesi: 'PERAWAT',
      status: 'AKTIF',
      tanggal_lahir: `${day} ${months[index % 4]} 1985`,
      tanggal_terbit: `04/${day}/2019`,
      berlaku_sampai: index === 0 ? `${day}.04.2031` : 'Seumur Hidup',
      diubah_pada: 1_780_000_000 + index
    }))
  }
  const description = load(page, file => {
    file.request.path = '/v1/tenaga'
    file.paging = { type: 'single_page' }
  })
  assert.deepEqual(description.dates.formats, {
    birthDate: ['D MMMM YYYY'],
    issuedOn: ['MM/DD/YYYY'],
    validUntil: ['DD.MM.YYYY'],
    changedAt: ['epochSeconds']
  })
  const masked = maskAnswer(page, page.data, description) as { data: Record<string, unknown>[] }
  assert.deepEqual(masked.data[1], {
    a: 'XX11111111111111',
    b: '109999.2307110001',
    c: 1099992307110001,
    nama: 'Xxxx Xxxxxxx',
    profesi: 'PERAWAT',
    status: 'AKTIF',
    tanggal_lahir: '23 Juli 2011',
    tanggal_terbit: '07/23/2011',
    berlaku_sampai: 'Seumur Hidup',
    diubah_pada: 1311379200
  })
  const again = proposeDescription(masked, tables)
  assert.deepEqual(again.description.fields, description.fields)
  assert.deepEqual(again.description.dates, description.dates)
})

test('proposes the same fields for a masked page, which has no personal value', () => {
  const description = load(council, file => {
    file.request.path = '/v1/tenaga-kesehatan'
  })
  const masked = maskAnswer(council, council.data, description)
  const text = JSON.stringify(masked)
  for (const { name, nik, str } of people) {
    for (const value of [...name.split(' '), nik, str]) assert.ok(!text.includes(value), value)
  }
  assert.match(text, /"profesi":"PERAWAT"/)
  const { fields, dates } = proposeDescription(masked, tables).description
  assert.deepEqual(fields, description.fields)
  assert.deepEqual(dates, description.dates)
})
