import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '../../sidecar/errors.ts'
import { loadDescription, parseDescription, shippedDescription } from '../../sidecar/source/load.ts'
import { professionCodes } from '../../simulator/professions.ts'
import { renderSourceSchema } from '../../tools/docs/source-schema.ts'

const sources = fileURLToPath(new URL('../../contracts/sources/', import.meta.url))
const examples = readdirSync(path.join(sources, 'examples'))
  .filter(name => name.endsWith('.json'))
  .map(name => `examples/${name}`)

// biome-ignore lint/suspicious/noExplicitAny: each test breaks the parsed file at another place
type Loose = any

const read = (name: string): Loose => JSON.parse(readFileSync(path.join(sources, name), 'utf8'))
const defaults = read('kki.json').tables
const parse = (json: unknown) => parseDescription(json, { file: 'x.json', defaults })

/** Asserts that a change to a shipped description is rejected in one line with this path and this reason. */
function refuses(name: string, change: (description: Loose) => unknown, place: string, expected: RegExp) {
  const description = read(name)
  change(description)
  assert.throws(
    () => parse(description),
    (error: unknown) => {
      assert.ok(error instanceof ConfigurationError, String(error))
      assert.equal(error.variable, 'KKI_SOURCE_FILE')
      const start = `KKI_SOURCE_FILE: x.json: ${place}: `
      assert.ok(error.message.startsWith(start), error.message)
      assert.match(error.message.slice(start.length), expected)
      assert.doesNotMatch(error.message, /\n/)
      return true
    }
  )
}

const kki = 'kki.json'
const pages = 'examples/page-number-api-key.json'
const offset = 'examples/offset-session-login.json'
const fhir = 'examples/fhir-next-link-oauth.json'
const link = 'examples/link-header-basic.json'

test('every description of the product can be loaded', async () => {
  for (const name of [kki, ...examples]) {
    const description = await loadDescription(path.join(sources, name))
    assert.equal(description.tables.monthNames.length, 12, name)
  }
  assert.ok(examples.length >= 4)
  assert.equal(path.join(sources, kki), shippedDescription)
})

test('the JSON schema in contracts matches the one that the sidecar uses', () => {
  const file = new URL('../../contracts/source.schema.json', import.meta.url)
  assert.ok(readFileSync(file, 'utf8') === renderSourceSchema(), 'run "npm run generate"')
})

test('a missing table of a description is taken from kki.json', () => {
  assert.deepEqual(parse(read(link)).tables.monthNames, defaults.monthNames)
  assert.deepEqual(parse(read(link)).tables.sexWords, { M: 'male', F: 'female' })
})

test('an unknown key is rejected with its path and the nearest known key', () => {
  refuses(kki, d => Object.assign(d, { pagging: {} }), '/pagging', /is not known; did you mean paging\?/)
  refuses(kki, d => Object.assign(d.paging, { nxt: '/a' }), '/paging/nxt', /did you mean next\?/)
  refuses(kki, d => Object.assign(d.fields, { nikk: '/a' }), '/fields/nikk', /did you mean nik\?/)
  refuses(pages, d => Object.assign(d.fields.sex, { converts: [] }), '/fields/sex/converts', /did you mean convert\?/)
})

test('a missing value or one of another type is rejected with the expected type', () => {
  assert.throws(() => parse(null), /x\.json: \/: must be an object/)
  refuses(kki, d => delete d.answer.rows, '/answer/rows', /is required/)
  refuses(kki, d => delete d.clock, '/clock', /is required/)
  refuses(kki, d => delete d.fields.strNumber, '/fields/strNumber', /is required/)
  refuses(kki, d => delete d.dates.zone, '/dates/zone', /is required/)
  refuses(kki, d => Object.assign(d.answer, { rows: 'data' }), '/answer/rows', /JSON pointer such as \/data/)
  refuses(kki, d => Object.assign(d.limits, { pageSize: 0 }), '/limits/pageSize', /a whole number from 1 to 10000/)
  refuses(kki, d => Object.assign(d.dates, { zone: 'GMT+7' }), '/dates/zone', /one of: Asia\/Jakarta/)
  refuses(kki, d => Object.assign(d.fields, { nik: 7 }), '/fields/nik', /a pointer, \{ at \}/)
  refuses(kki, d => Object.assign(d.fields, { nik: 'nik' }), '/fields/nik', /JSON pointer/)
  refuses(kki, d => Object.assign(d.fields, { nik: { at: 'nik' } }), '/fields/nik/at', /JSON pointer/)
  refuses(kki, d => Object.assign(d.tables.statusWords, { ANEH: 'odd' }), '/tables/statusWords/ANEH', /one of: active/)
})

test('the error of an unknown authentication, paging or clock lists the known ones', () => {
  refuses(kki, d => Object.assign(d.authentication, { type: 'oauth1' }), '/authentication/type', /oauth2, session/)
  refuses(kki, d => Object.assign(d.paging, { type: 'pages' }), '/paging/type', /cursor, json_link, header_link/)
  refuses(kki, d => Object.assign(d, { clock: { from: 'sun' } }), '/clock/from', /date_header, field, own/)
  refuses(kki, d => delete d.authentication.credentialsIn, '/authentication/credentialsIn', /is required/)
  refuses(kki, d => delete d.paging.next, '/paging/next', /is required/)
})

test('a placeholder must be known, have a value at its place, and be closed', () => {
  refuses(
    kki,
    d => Object.assign(d.request.query, { a: '{sinse}' }),
    '/request/query/a',
    /\{sinse\} is not a placeholder here/
  )
  refuses(
    kki,
    d => Object.assign(d.request.query, { a: '{page}' }),
    '/request/query/a',
    /\{page\} is not a placeholder here/
  )
  refuses(kki, d => Object.assign(d.request.query, { a: '{since' }), '/request/query/a', /brace/)
  refuses(kki, d => Object.assign(d.request, { path: '/a/{since}' }), '/request/path', /not a placeholder here/)
  refuses(offset, d => Object.assign(d.request.json.waktu_ubah, { x: '{x}' }), '/request/json/waktu_ubah/x', /\{x\}/)
  refuses(kki, d => Object.assign(d.oneByStr, { path: '/a/{cursor}' }), '/oneByStr/path', /there are \{strNumber\}/)
})

test('paging needs its placeholder, and the window its bounds', () => {
  refuses(kki, d => delete d.request.query.kursor, '/request', /must contain \{cursor\}/)
  refuses(pages, d => delete d.request.query.page, '/request', /must contain \{page\}/)
  refuses(offset, d => delete d.request.json.mulai, '/request', /must contain \{offset\}/)
  refuses(kki, d => delete d.request.window, '/request/window/since', /is required with \{since\}/)
  refuses(kki, d => delete d.request.query.diubah_sampai, '/request/window/until', /has no effect/)
  refuses(pages, d => delete d.request.window.zone, '/request/window/zone', /is required with a pattern/)
  refuses(kki, d => Object.assign(d.request.window, { zone: 'UTC' }), '/request/window/zone', /has no effect/)
  refuses(
    pages,
    d => Object.assign(d.request.window, { format: 'YYYY-MM' }),
    '/request/window/format',
    /must be instant/
  )
  refuses(pages, d => Object.assign(d.request.window, { format: 'YYYY-MM-DD mm' }), '/request/window/format', /must be/)
})

test('concurrent pages need a paging whose positions are known in advance', () => {
  const description = read(offset)
  description.limits.pagesAtOnce = 4
  assert.equal(parse(description).limits.pagesAtOnce, 4)
  for (const name of [kki, fhir, link, pages]) {
    refuses(
      name,
      d => Object.assign(d.limits, { pagesAtOnce: 4 }),
      '/limits/pagesAtOnce',
      /has no effect with paging of the type \w+: only pages by offset/
    )
  }
  refuses(offset, d => Object.assign(d.limits, { pagesAtOnce: 9 }), '/limits/pagesAtOnce', /from 1 to 8/)
})

test('a setting without effect is an error', () => {
  refuses(kki, d => delete d.request.query.batas, '/limits/pageSize', /has no effect without \{pageSize\}/)
  refuses(kki, d => delete d.limits, '/limits/pageSize', /is required/)
  refuses(kki, d => delete d.fields.birthDate, '/dates/formats/birthDate', /has no effect/)
  refuses(kki, d => delete d.dates.formats.issuedOn, '/dates/formats/issuedOn', /is required/)
  refuses(fhir, d => Object.assign(d.answer.registrations, { list: '/other' }), '/answer/registrations', /no field is/)
  refuses(link, d => Object.assign(d.paging, { lastPage: '/x' }), '/paging/lastPage', /is not known/)
  const notRefusable = (d: Loose) => {
    d.authentication = { type: 'none' }
  }
  refuses(offset, notRefusable, '/answer/faults/0/means', /has no effect without authentication/)
})

test('a request that cannot be sent is rejected', () => {
  refuses(kki, d => Object.assign(d.request, { json: {} }), '/request/json', /needs method POST/)
  refuses(offset, d => Object.assign(d.request, { form: {} }), '/request/form', /together with json/)
  refuses(fhir, d => Object.assign(d.request, { method: 'POST' }), '/request/method', /must be GET/)
  refuses(kki, d => Object.assign(d.request, { path: '/a/../b' }), '/request/path', /path in its sent form/)
  refuses(kki, d => Object.assign(d.request, { path: '/a?b=c' }), '/request/path', /path below the base URL/)
  refuses(kki, d => Object.assign(d.request, { path: 'https://x/a' }), '/request/path', /path below the base URL/)
  refuses(kki, d => Object.assign(d.request, { headers: { Host: 'x' } }), '/request/headers/Host', /cannot be set/)
  refuses(kki, d => Object.assign(d.request, { headers: { a: 'é' } }), '/request/headers/a', /printable ASCII/)
  refuses(
    kki,
    d => Object.assign(d.request, { headers: { 'a b': 'x' } }),
    '/request/headers/a b',
    /not a valid name here/
  )
  refuses(fhir, d => Object.assign(d.fields.nik.where, { x: 1 }), '/fields/nik/where/x', /not a valid name here/)
  const ownKey = (d: Loose) => Object.assign(d.request.headers, { 'x-api-key': 'k' })
  refuses(pages, ownKey, '/request/headers/x-api-key', /header of the authentication/)
})

test('a login needs one body, and its password is not written in the description', () => {
  refuses(offset, d => delete d.authentication.json, '/authentication', /as json or as form/)
  refuses(
    offset,
    d => Object.assign(d.authentication.json, { password: 'rahasia' }),
    '/authentication/json',
    /\{password\}/
  )
  refuses(
    kki,
    d => Object.assign(d.authentication.parameters, { client_id: 'x' }),
    '/authentication/parameters/client_id',
    /always sent/
  )
})

test('a pointer cannot reach inherited properties', () => {
  refuses(
    kki,
    d => Object.assign(d.fields, { nik: '/constructor/name' }),
    '/fields/nik',
    /constructor, which every object/
  )
  refuses(kki, d => Object.assign(d.answer, { rows: '/__proto__' }), '/answer', /__proto__/)
})

test('fields, formats and tables are unambiguous', () => {
  refuses(kki, d => Object.assign(d.fields, { province: '/nama' }), '/fields/province', /same source/)
  refuses(
    kki,
    d => d.dates.formats.birthDate.push('MM-DD-YYYY'),
    '/dates/formats/birthDate/4',
    /cannot be distinguished/
  )
  refuses(kki, d => d.dates.formats.issuedOn.push('DD-MM'), '/dates/formats/issuedOn/4', /a year, a month and a day/)
  refuses(
    offset,
    d => d.dates.formats.changedAt.push('epochMilliseconds'),
    '/dates/formats/changedAt/1',
    /cannot be distinguished/
  )
  refuses(kki, d => d.tables.monthNames[1].push('JAN'), '/tables/monthNames/0', /another month/)
  refuses(
    kki,
    d => Object.assign(d.tables.statusWords, { 'tidak aktif': 'active' }),
    '/tables/statusWords/tidak aktif',
    /two meanings/
  )
  refuses(
    kki,
    d => Object.assign(d.tables.professions[0], { code: 'nurse' }),
    '/tables/professions/3/code',
    /used twice/
  )
  refuses(kki, d => d.tables.professions[0].kkiCodes.push('perawat'), '/tables/professions/3/kkiCodes/0', /used twice/)
  refuses(
    kki,
    d => d.tables.professions[0].aliases.push({ value: 'Bidan' }),
    '/tables/professions/5/kkiCodes/0',
    /twice at the same time/
  )
  refuses(kki, d => d.tables.endlessDates.push('2023-02-30'), '/tables/endlessDates/1', /not a date/)
})

test('a word may pass from one profession to another from a day on', () => {
  const description = read(kki)
  description.tables.professions[0].aliases.push({ value: 'ATLM', validUntil: '2014-10-16' })
  assert.ok(parse(description))
})

test('a birthplace has one alias', () => {
  const again = (d: Loose) => d.tables.birthPlaceAliases.push({ value: 'UJUNG-PANDANG', key: 'Makassar' })
  refuses(kki, again, '/tables/birthPlaceAliases/10/value', /blank or used twice/)
})

test('the shipped description has every profession that KKI filters by, once', () => {
  const filters = parse(read(kki)).tables.professions.flatMap(({ kkiCodes }) => kkiCodes)
  assert.deepEqual(filters.toSorted(), professionCodes.toSorted())
})

test('a character that a log cannot hold is rejected before it gets into a message', () => {
  refuses(kki, d => Object.assign(d.fields, { nik: '/\u0007' }), '/fields/nik', /not every receiver supports/)
})

test('the error of an unreadable file, invalid JSON or a missing module says so', async t => {
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-source-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'source.json')
  await assert.rejects(loadDescription(file), /KKI_SOURCE_FILE: .*source\.json: cannot be read \(ENOENT\)/)
  await writeFile(file, '{\n  "paging": }')
  await assert.rejects(loadDescription(file), /source\.json: is not JSON \(Unexpected token '}'/)
  await writeFile(file, JSON.stringify(read(kki), null, 2).replace('"next": ', '"next" '))
  await assert.rejects(loadDescription(file), /source\.json: is not JSON \(line 29, character 12\)/)
  const text = JSON.stringify(read(kki))
  await writeFile(file, Buffer.from(text.replace('AKTIF', 'AKTIF é'), 'latin1'))
  await assert.rejects(loadDescription(file), /source\.json: cannot be read \(NOT_UTF8\)/)
  await writeFile(file, `\ufeff${text}`)
  assert.deepEqual(await loadDescription(file), parse(read(kki)))
  await writeFile(file, JSON.stringify({ ...read(kki), module: './sign.ts' }))
  await assert.rejects(loadDescription(file), /source\.json: \/module: names a file that cannot be read \(ENOENT\)/)
  await writeFile(path.join(folder, 'sign.ts'), 'export {}')
  assert.equal((await loadDescription(file)).module, path.join(folder, 'sign.ts'))
})
