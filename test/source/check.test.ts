import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { checkSource } from '../../sidecar/source/check/check-source.ts'
import type { FindingCode } from '../../sidecar/source/check/findings.ts'
import { tellResult } from '../../sidecar/source/check/tell.ts'
import { english } from '../../sidecar/source/check/words-en.ts'
import { indonesian } from '../../sidecar/source/check/words-id.ts'
import { loadDescription, parseDescription, shippedDescription } from '../../sidecar/source/load.ts'
import { loadModule } from '../../sidecar/source/module.ts'
import type { Tables } from '../../sidecar/transform/tables.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { memoryStore } from './helpers/client.ts'
import {
  type Asked,
  createRows,
  isPlainlyInside,
  json,
  type Oddness,
  type OddSource,
  type Row,
  startOddSource
} from './helpers/odd-source.ts'

const shipped = JSON.parse(await readFile(shippedDescription, 'utf8')) as Draft & { tables: Tables }

/** A description as its file holds it, before it is loaded. */
interface Draft extends Record<'authentication' | 'paging' | 'answer' | 'clock' | 'limits' | 'fields', Open> {
  request: Open & { query: Record<string, string> }
  dates: { zone: string; formats: Record<string, string[]> }
}
type Open = Record<string, unknown>

/** The description that fits the plain source. */
function plain(): Draft {
  const { fields } = shipped
  return {
    authentication: shipped.authentication,
    request: {
      path: '/v1/nakes',
      query: { sejak: '{since}', sampai: '{until}', kursor: '{cursor}', batas: '{pageSize}' },
      window: { format: 'instant', since: 'inclusive', until: 'exclusive' }
    },
    paging: { type: 'cursor', next: '/meta/kursor_berikutnya' },
    answer: { rows: '/data', total: '/meta/total' },
    clock: { from: 'date_header' },
    limits: { pageSize: 50 },
    fields: {
      strNumber: fields.strNumber,
      nik: fields.nik,
      name: fields.name,
      titleSuffix: fields.titleSuffix,
      birthDate: fields.birthDate,
      sex: fields.sex,
      profession: fields.profession,
      status: fields.status,
      issuedOn: fields.issuedOn,
      validUntil: fields.validUntil,
      institution: fields.institution,
      graduationYear: fields.graduationYear,
      changedAt: fields.changedAt
    },
    dates: shipped.dates
  }
}

function byPage(draft: Draft, firstPage = 1) {
  draft.request.query = { ...draft.request.query, page: '{page}' }
  delete draft.request.query.kursor
  draft.paging = { type: 'page_number', firstPage }
}

function byOffset(draft: Draft, firstOffset = 0) {
  draft.request.query = { ...draft.request.query, offset: '{offset}' }
  delete draft.request.query.kursor
  draft.paging = { type: 'offset', firstOffset }
}

function byLink(draft: Draft) {
  delete draft.request.query.kursor
  draft.paging = { type: 'json_link', next: '/meta/alamat' }
}

const eachRow = (change: (row: Row, index: number) => Row): Oddness => ({ rows: rows => rows.map(change) })
const hours = (count: number) => count * 3_600_000
const timeOf = (row: Row) => Date.parse(String(row.diubah_pada))
const shifted = (row: Row, asked: Asked, ms: number) =>
  isPlainlyInside(row, { ...asked, since: asked.since && asked.since + ms, until: asked.until && asked.until + ms })

interface Case {
  what: string
  describe?: (draft: Draft) => void
  oddness?: Oddness
  secret?: Record<string, string>
  code: FindingCode
  says: RegExp
  /** The finding is a warning: runs work. */
  warns?: true
}

const cases: Case[] = [
  {
    what: 'a wrong path',
    describe: draft => (draft.request.path = '/v1/nakez'),
    code: 'pathNotFound',
    says: /^Wrong: \/request\/path: The path \/v1\/nakez does not exist/
  },
  {
    what: 'a wrong path of the token',
    describe: draft => (draft.authentication = { ...draft.authentication, path: '/token' }),
    code: 'tokenPathWrong',
    says: /^Wrong: \/authentication\/path: .*status 404/
  },
  {
    what: 'wrong credentials',
    secret: { clientId: 'sdmk', clientSecret: 'another' },
    code: 'credentialsDenied',
    says: /rejects the credentials \(status 401\)/
  },
  {
    what: 'a secret without the fields that are needed',
    secret: { username: 'sdmk', password: 'another' },
    code: 'secretIncomplete',
    says: /clientId/
  },
  {
    what: 'a token that stands elsewhere',
    oddness: { token: () => json(200, { data: { token: 'token-of-the-odd-source' }, expires_in: 3600 }) },
    code: 'tokenElsewhere',
    says: /no token at \/access_token; .* stands at \/data\/token\./
  },
  {
    what: 'a token answer without a token',
    oddness: { token: () => json(200, { message: 'ok' }) },
    code: 'tokenMissing',
    says: /no usable token/
  },
  {
    what: 'a token that the list rejects',
    oddness: { accepts: () => false },
    code: 'tokenDenied',
    says: /rejects the token or key on the request for the list/
  },
  {
    what: 'credentials without the right to the list',
    oddness: { reply: () => json(403, {}) },
    code: 'forbidden',
    says: /may not read the list/
  },
  {
    what: 'a list that is only for POST',
    oddness: { reply: () => json(405, {}) },
    code: 'methodDenied',
    says: /^Wrong: \/request\/method: .* GET/
  },
  {
    what: 'parameters that are denied',
    oddness: { reply: () => json(422, { message: 'batas' }) },
    code: 'requestDenied',
    says: /status 422/
  },
  {
    what: 'a source that is down',
    oddness: { reply: () => json(503, {}) },
    code: 'unavailable',
    says: /status 503/
  },
  {
    what: 'a redirect',
    oddness: { reply: () => ({ status: 302, headers: { location: 'https://login.example/masuk?x=1' }, body: '' }) },
    code: 'redirected',
    says: /redirects to https:\/\/login\.example\/masuk \(status 302\)/
  },
  {
    what: 'a web page instead of JSON',
    oddness: {
      reply: () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><p>Masuk' })
    },
    code: 'htmlAnswered',
    says: /web page \(HTML/
  },
  {
    what: 'an answer that is no JSON',
    oddness: { reply: () => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'OK' }) },
    code: 'notJson',
    says: /not JSON \(Content-Type text\/plain\)/
  },
  {
    what: 'broken gzip',
    oddness: {
      reply: reply => ({
        ...reply,
        headers: { ...reply.headers, 'content-encoding': 'gzip' },
        body: Buffer.concat([gzipSync(reply.body).subarray(0, 40), Buffer.alloc(200, 7)])
      })
    },
    code: 'encodingBroken',
    says: /compression \(gzip\) is broken/
  },
  {
    what: 'a very slow source',
    oddness: { delayMs: 1200 },
    code: 'tooSlow',
    says: /did not answer in time/
  },
  {
    what: 'rows at another place',
    oddness: { page: ({ data, meta }) => ({ hasil: { daftar: data }, meta }) },
    code: 'rowsElsewhere',
    says: /^Wrong: \/answer\/rows: No list stands at "\/data"\. Lists of records stand at "\/hasil\/daftar" \(50\)/
  },
  {
    what: 'an answer without rows',
    oddness: { page: ({ meta }) => ({ meta }) },
    code: 'rowsMissing',
    says: /No list stands at "\/data", but nothing/
  },
  {
    what: 'status 200 with the code of an error',
    oddness: { page: () => ({ metaData: { code: '401', message: 'Token Expired' }, response: null }) },
    code: 'errorInBody',
    says: /code at \/metaData\/code: 401/
  },
  {
    what: 'a fault that the description knows',
    describe: draft => (draft.answer.faults = [{ at: '/kode', equals: [99], means: 'stop' }]),
    oddness: { page: page => ({ ...page, kode: 99 }) },
    code: 'faultReported',
    says: /^Wrong: \/answer\/faults\/0: The source reports a fault at \/kode\. .*\/authentication/
  },
  {
    what: 'a token that is new, and rejected by a code with status 200',
    describe: draft => (draft.answer.faults = [{ at: '/kode', equals: [41], means: 'tokenDenied' }]),
    oddness: { page: page => ({ ...page, kode: 41 }) },
    code: 'tokenDenied',
    says: /^Wrong: \/authentication: The source rejects the token or key .*\(status 200, by its code at \/kode\)/
  },
  {
    what: 'a clock that is nowhere',
    describe: draft => (draft.clock = { from: 'field', at: '/meta/waktu', format: 'instant' }),
    code: 'clockMissing',
    says: /^Wrong: \/clock: /
  },
  {
    what: 'a clock ahead of ours',
    oddness: {
      reply: reply => ({ ...reply, headers: { ...reply.headers, date: new Date(Date.now() + hours(2)).toUTCString() } })
    },
    code: 'clockWrong',
    says: /clock of the source is 7\d\d\d s ahead of ours/
  },
  {
    what: 'a next address on another host',
    describe: byLink,
    oddness: {
      page: ({ data, meta }) => ({ data, meta: { ...meta, alamat: 'https://elsewhere.example/v1/nakes?kursor=50' } })
    },
    code: 'linkElsewhere',
    says: /on another host or path than KKI_BASE_URL/
  },
  {
    what: 'a cursor that stands elsewhere',
    describe: draft => (draft.paging.next = '/meta/next'),
    code: 'nextMissing',
    says: /^Wrong: \/paging: The next page cannot be found: .*\/meta\/next: is missing/
  },
  {
    what: 'a cursor that repeats',
    oddness: {
      page: ({ data, meta }, { url }) => ({
        data,
        meta: { ...meta, kursor_berikutnya: url.searchParams.get('kursor') === '50' ? '50' : '50' }
      })
    },
    code: 'cursorRepeated',
    says: /cursor comes again/
  },
  {
    what: 'the rows of one page on every page',
    describe: draft => {
      byPage(draft)
      draft.request.query = { ...draft.request.query, hal: '{page}' }
      delete draft.request.query.page
    },
    code: 'pageRepeated',
    says: /second page has the rows of the first/
  },
  {
    what: 'page numbers from 0 instead of 1',
    describe: draft => byPage(draft, 1),
    oddness: { first: 0 },
    code: 'firstNumberWrong',
    says: /^Wrong: \/paging\/firstPage: The source counts from 0; the description says 1/
  },
  {
    what: 'page numbers from 1 instead of 0',
    describe: draft => byPage(draft, 0),
    code: 'firstNumberWrong',
    says: /^Wrong: \/paging\/firstPage: The source counts from 1; the description says 0/
  },
  {
    what: 'a first page that has no number 0',
    describe: draft => byPage(draft, 0),
    oddness: { reply: (reply, { url }) => (url.searchParams.get('page') === '0' ? json(400, {}) : reply) },
    code: 'firstNumberWrong',
    says: /counts from 1/
  },
  {
    what: 'offsets from 0 instead of 1',
    describe: draft => byOffset(draft, 1),
    oddness: { first: 0 },
    code: 'firstNumberWrong',
    says: /^Wrong: \/paging\/firstOffset: The source counts from 0/
  },
  {
    what: 'offsets from 1 instead of 0',
    describe: draft => byOffset(draft, 0),
    code: 'firstNumberWrong',
    says: /^Wrong: \/paging\/firstOffset: The source counts from 1/
  },
  {
    what: 'rows that come twice',
    oddness: {
      page: ({ data, meta }, { url }) => ({
        data: url.searchParams.get('kursor') ? [...createRows().slice(40, 50), ...data] : data,
        meta
      })
    },
    code: 'rowsRepeated',
    says: /rows came on two pages/
  },
  {
    what: 'a page size that is capped',
    oddness: { mostRows: 20 },
    code: 'pageSizeCapped',
    says: /^Warning: \/limits\/pageSize: 50 rows a page were asked for, and at most 20 came/,
    warns: true
  },
  {
    what: 'a page size that is capped where pages differ in size',
    oddness: { rowsFrom: from => 11 + (from % 7) },
    code: 'pageSizeCapped',
    says: /^Warning: \/limits\/pageSize: 50 rows a page were asked for, and at most 16 came/,
    warns: true
  },
  {
    what: 'a page size that is ignored',
    describe: draft => {
      draft.request.query.banyak = '{pageSize}'
      delete draft.request.query.batas
      draft.limits = { pageSize: 20 }
    },
    code: 'pageSizeIgnored',
    says: /20 rows a page were asked for, and 50 came/,
    warns: true
  },
  {
    what: 'a window that is ignored',
    oddness: { isInside: () => true },
    code: 'windowIgnored',
    says: /\d+ of \d+ rows are outside the window\. .*ignores the window/
  },
  {
    what: 'a window in another format',
    oddness: { isInside: (row, asked) => asked.since === null || timeOf(row) / 1000 > asked.since },
    code: 'windowEmpty',
    says: /format of the bounds/
  },
  {
    what: 'a zone that is wrong by 7 hours',
    describe: draft => {
      draft.request.window = { format: 'YYYY-MM-DD HH:mm:ss', zone: 'UTC', since: 'inclusive', until: 'exclusive' }
    },
    oddness: { isInside: (row, asked) => shifted(row, asked, -hours(7)) },
    code: 'windowShifted',
    says: /^Wrong: \/request\/window\/zone: The window is off by -7 hours/
  },
  ...[1, -1, 2, -2].map(
    (count): Case => ({
      what: `a zone of Indonesia that is another one, ${count} hours off`,
      describe: draft => {
        draft.request.window = { format: 'YYYY-MM-DD HH:mm:ss', zone: 'UTC', since: 'inclusive', until: 'exclusive' }
      },
      oddness: { isInside: (row, asked) => shifted(row, asked, hours(count)) },
      code: 'windowShifted',
      says: new RegExp(`^Wrong: /request/window/zone: The window is off by ${count} hours?:`)
    })
  ),
  {
    what: 'a start that is exclusive',
    oddness: { isInside: (row, asked) => isPlainlyInside(row, asked) && timeOf(row) !== asked.since },
    code: 'sinceExclusive',
    says: /^Wrong: \/request\/window\/since: /
  },
  {
    what: 'an end that is inclusive',
    oddness: { isInside: (row, asked) => isPlainlyInside(row, asked) || timeOf(row) === asked.until },
    code: 'untilInclusive',
    says: /^Warning: \/request\/window\/until: /,
    warns: true
  },
  {
    what: 'no window in the description',
    describe: draft => {
      delete draft.request.window
      delete draft.request.query.sejak
      delete draft.request.query.sampai
    },
    code: 'windowMissing',
    says: /each run reads everything/,
    warns: true
  },
  {
    what: 'times of change in another zone',
    describe: draft =>
      (draft.dates = {
        ...draft.dates,
        zone: 'UTC',
        formats: { ...draft.dates.formats, changedAt: ['YYYY-MM-DD HH:mm:ss'] }
      }),
    oddness: {
      rows: rows =>
        rows.map((row, index) => ({
          ...row,
          diubah_pada: new Date(Date.now() - (240 - index) * 1000 + hours(7))
            .toISOString()
            .slice(0, 19)
            .replace('T', ' ')
        })),
      isInside: () => true
    },
    code: 'timesInFuture',
    says: /changed in the future, by 7 hours at most/
  },
  {
    what: 'rows in no order',
    describe: draft => byOffset(draft, 0),
    oddness: { first: 0, rows: rows => rows.map((_, index) => rows[(index * 101) % rows.length] as Row) },
    code: 'unsorted',
    says: /not in the order of their change/
  },
  {
    what: 'a wrong total',
    oddness: { page: ({ data, meta }) => ({ data, meta: { ...meta, total: data.length } }) },
    code: 'totalWrong',
    says: /The total says 50, and 150 rows came/,
    warns: true
  },
  {
    what: 'no rows at all',
    oddness: { rows: () => [] },
    code: 'noRows',
    says: /without any row/
  },
  {
    what: 'a field that stands elsewhere',
    describe: draft => (draft.fields.strNumber = '/no_str'),
    code: 'fieldElsewhere',
    says: /^Wrong: \/fields\/strNumber: No row has a value at \/no_str; strNumber seems to stand at \/nomor_str/
  },
  {
    what: 'status words that are unknown',
    oddness: eachRow(row => ({ ...row, status_str: 'Valid' })),
    code: 'wordsUnknown',
    says: /^Wrong: \/tables\/statusWords: 150 of 150 values of status are in no table: Valid \(150\)\./
  },
  {
    what: 'names in the column of the profession',
    describe: draft => (draft.fields.profession = '/nama_lengkap'),
    oddness: eachRow((row, index) => ({
      ...row,
      nama_lengkap: `Wijaya ${String.fromCharCode(65 + (index % 26))}${index % 9}`
    })),
    code: 'wordsUnknown',
    says: /values of profession are in no table\. \d+ different values are not shown/
  },
  {
    what: 'a day that stands where the month is read',
    describe: draft =>
      (draft.dates = { ...draft.dates, formats: { ...draft.dates.formats, birthDate: ['MM-DD-YYYY'] } }),
    code: 'dayMonthExchanged',
    says: /^Wrong: \/dates\/formats\/birthDate: Day and month are exchanged/
  },
  {
    what: 'dates that no format reads',
    oddness: eachRow(row => ({ ...row, tanggal_terbit: '01/02/2024' })),
    code: 'datesUnread',
    says: /^Wrong: \/dates\/formats\/issuedOn: .* These would: DD\/MM\/YYYY\./
  },
  {
    what: 'NIKs as rounded numbers',
    oddness: eachRow(row => ({ ...row, nik: Number(row.nik) })),
    code: 'numberInexact',
    says: /^Wrong: \/fields\/nik: 150 rows have nik as a number/
  },
  {
    what: 'NIKs that a spreadsheet has rounded',
    oddness: eachRow(row => ({ ...row, nik: '3,17101E+15' })),
    code: 'nikRounded',
    says: /150 of 150 NIKs are rounded/
  },
  {
    what: 'STR numbers that are empty',
    oddness: eachRow(row => ({ ...row, nomor_str: '' })),
    code: 'fieldEmpty',
    says: /150 of 150 rows have no value for strNumber at \/nomor_str/
  },
  {
    what: 'STR numbers that cannot be any',
    oddness: eachRow((row, index) => ({ ...row, nomor_str: `A${index}` })),
    code: 'valuesUnreadable',
    says: /values of strNumber cannot be read \(shape\)/
  },
  {
    what: 'names that are masked',
    oddness: eachRow(row => ({ ...row, nama: 'S** W*****' })),
    code: 'namesMasked',
    says: /150 of 150 names are masked with asterisks/
  },
  {
    what: 'numbers where texts are expected',
    oddness: eachRow(row => ({ ...row, status_str: 1 })),
    code: 'typeWrong',
    says: /values of status have the wrong type/
  }
]

let source: OddSource
before(async () => {
  source = await startOddSource()
})
after(() => source.close())

async function check(describe: (draft: Draft) => void, oddness: Oddness, secret?: Record<string, string>) {
  const draft = structuredClone(plain())
  describe(draft)
  const description = parseDescription(draft, { file: 'source.json', defaults: shipped.tables })
  source.oddness = oddness
  const secrets = memoryStore(secret === undefined ? {} : { kki: secret })
  const checked = await checkSource({
    description,
    module: null,
    baseUrl: source.url,
    secrets,
    sample: 150,
    pageSize: description.limits.pageSize ?? 50,
    limits: { retries: 0, pageTimeoutMs: 1000 },
    clockToleranceMs: 900_000,
    maxSkewMs: 300_000,
    signal: AbortSignal.timeout(30_000)
  })
  assert.deepEqual([...secrets.content.keys()], ['kki'], 'no token is stored')
  return checked
}

const personal = createRows().flatMap(row => [row.nik, row.nomor_str, ...String(row.nama).split(' ')].map(String))

function assertImpersonal(text: string) {
  assert.deepEqual(
    personal.filter(value => text.includes(value)),
    []
  )
}

for (const { what, describe = () => {}, oddness = {}, secret, code, says, warns = false } of cases) {
  test(`the first line names ${what}`, async () => {
    const { result, page } = await check(describe, oddness, secret)
    const lines = tellResult(result, english)
    const first = lines.find(line => !line.startsWith('Fine:')) ?? ''
    assert.equal(result.findings[0]?.code, code, lines.join('\n'))
    assert.match(first, says)
    assert.equal(result.isFine, warns, lines.join('\n'))
    const inIndonesian = tellResult(result, indonesian).join('\n')
    assert.doesNotMatch(inIndonesian, /undefined|\bthe\b/)
    assertImpersonal(lines.join('\n') + inIndonesian + JSON.stringify(result) + JSON.stringify(page))
  })
}

for (const [kind, describe, oddness] of [
  ['cursor', () => {}, {}],
  ['page number', (draft: Draft) => byPage(draft), {}],
  ['offset', (draft: Draft) => byOffset(draft, 0), { first: 0 }],
  ['offset from 1', (draft: Draft) => byOffset(draft, 1), { first: 1 }],
  ['next address', byLink, {}],
  [
    'link header',
    (draft: Draft) => {
      byLink(draft)
      draft.paging = { type: 'header_link' }
    },
    {}
  ]
] as const satisfies [string, (draft: Draft) => void, Oddness][]) {
  test(`finds nothing wrong with a source that pages by ${kind} as described`, async () => {
    const { result, page } = await check(describe, oddness)
    const lines = tellResult(result, english)
    assert.deepEqual(result.findings, [], lines.join('\n'))
    assert.equal(lines[0], 'Fine: the source answers as described.')
    assert.equal(result.source.end, 'reached')
    assert.equal(result.rows.accepted, 150)
    assert.deepEqual(result.rows.str, { present: 150, valid: 150 })
    assert.deepEqual(result.rows.unmapped, [])
    assertImpersonal(lines.join('\n') + JSON.stringify(result) + JSON.stringify(page))
  })
}

const examples = fileURLToPath(new URL('../../contracts/sources/examples/', import.meta.url))
for (const file of [
  shippedDescription,
  ...readdirSync(examples)
    .filter(isDescription)
    .map(name => examples + name)
]) {
  test(`finds nothing wrong with an API of the shape of ${path.basename(file)}`, async t => {
    const simulator = await startSimulator({ rows: 1200, brokenShare: 0, like: file })
    t.after(() => simulator.close())
    const description = await loadDescription(file)
    const { result } = await checkSource({
      description: { ...description, limits: { pageSize: 100 } },
      module: await loadModule(description.module),
      baseUrl: simulator.url,
      secrets: memoryStore({ kki: simulator.secret }),
      sample: 300,
      pageSize: 100,
      clockToleranceMs: 900_000,
      maxSkewMs: 300_000,
      signal: AbortSignal.timeout(30_000)
    })
    assert.deepEqual(result.findings, [], tellResult(result, english).join('\n'))
    assert.equal(result.source.pages, 3)
    assert.equal(result.source.window?.outside, 0)
    assert.ok((result.source.window?.received ?? 0) > 0)
  })
}

function isDescription(name: string): boolean {
  return name.endsWith('.json')
}
