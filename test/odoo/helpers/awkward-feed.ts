import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { kkiRecord } from '../../e2e/helpers.ts'
import { type FakeKki, pageOf, sendJson } from '../../source/helpers/fake-kki.ts'

/** The first digits of the identity numbers of this feed, and of nothing else: women with one birth date, all invented. */
export const plantedDigits = '317101550790'
const birthDate = '1990-07-15'
let serial = 0

/** Returns a new identity number. */
export function nik(): string {
  return `${plantedDigits}${String(++serial).padStart(4, '0')}`
}

/** The digits in groups of four, with a text between the groups. */
const apart = (between: string) => (number: string) => number.replace(/(....)(?=.)/g, `$1${between}`)
/** The digits of another script; its zero stands first. */
const inScript = (zero: number) => (number: string) =>
  Array.from(number, digit => String.fromCodePoint(zero + Number(digit))).join('')
const eachByte = (write: (hex: string, code: number) => string) => (number: string) =>
  Array.from(Buffer.from(number), code => write(code.toString(16).padStart(2, '0'), code)).join('')

/** How people and programs write a long number. */
export const spelled = {
  plain: number => number,
  dots: number => number.replace(/^(..)(..)(..)(.{6})/, '$1.$2.$3.$4.'),
  blanks: apart(' '),
  dashes: apart('-'),
  'en dashes': apart('–'),
  'em dashes': apart(' — '),
  minus: apart('−'),
  colons: apart(':'),
  slashes: apart(' / '),
  underscores: apart('_'),
  commas: apart(', '),
  'middle dots': apart('·'),
  brackets: apart(') ('),
  'no-break blanks': apart('\u00a0'),
  'thin blanks': apart('\u2009'),
  'ideographic blanks': apart('\u3000'),
  'zero-width blanks': apart('\u200b'),
  joiners: apart('\u2060'),
  'soft hyphens': apart('\u00ad'),
  'direction marks': apart('\u202e'),
  'Hangul fillers': apart('\u3164'),
  'combining marks': apart('\u0301'),
  'line ends': apart('\r\n'),
  tabs: apart('\t'),
  'every digit apart': number => Array.from(number).join(' - '),
  'Arabic-Indic': inScript(0x660),
  Devanagari: inScript(0x966),
  Javanese: inScript(0xa9d0),
  fullwidth: inScript(0xff10),
  mathematical: inScript(0x1d7ce),
  'fullwidth, en dashes': number => apart('–')(inScript(0xff10)(number)),
  superscript: number => Array.from(number, digit => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join(''),
  circled: number => Array.from(number, digit => '⓪①②③④⑤⑥⑦⑧⑨'[Number(digit)]).join(''),
  entities: eachByte((_, code) => `&#${code};`),
  'hex entities': eachByte(hex => `&#x${hex};`),
  'escaped entities': eachByte((_, code) => `&amp;#${code};`),
  'separators as entities': apart('&ndash;'),
  percent: eachByte(hex => `%${hex}`),
  'JSON escapes': eachByte(hex => `\\u00${hex}`),
  hex: eachByte(hex => hex),
  base64: number => Buffer.from(number).toString('base64'),
  'base64 in a text': number => Buffer.from(`NIK ${number}`).toString('base64url')
} satisfies Record<string, (number: string) => string>

/** Returns rows with an identity number in a wrong field, and as many valid rows. */
export function awkwardRows(): unknown[] {
  const texts = [
    'nama',
    'gelar_depan',
    'gelar_belakang',
    'tempat_lahir',
    'kompetensi',
    'status_str',
    'profesi',
    'institusi_pendidikan',
    'provinsi',
    'jenis_kelamin'
  ]
  const inTexts = texts.flatMap(field =>
    Object.values(spelled).map(spell => ({ [field]: `Budi ${spell(nik())} Rekaan` }))
  )
  const dates = ['tanggal_lahir', 'tanggal_terbit', 'berlaku_sampai', 'diubah_pada']
  const others = [
    ...dates.map(field => ({ [field]: nik() })),
    { nomor_str: nik(), nik: null, tanggal_lahir: birthDate },
    { nomor_str: `STR-${nik()}`, nik: null, tanggal_lahir: birthDate },
    { nomor_str: `EQ${nik()}`, nik: null, tanggal_lahir: birthDate },
    { nik: Number(nik()) },
    { nik: spelled.dots(nik()) },
    { nik: { nomor: nik() } },
    { nama: { lengkap: nik() } },
    { nama: Number(nik()) },
    { tahun_lulus: Number(nik()) },
    { [nik()]: true },
    { catatan: { ktp: [nik()] } },
    { status_str: 'DICABUT', nama: `Siti ${nik()}` }
  ]
  const awkward = [...inTexts, ...others].map(given => kkiRecord(given))
  return [...awkward, nik(), Number(nik()), ...awkward.map(() => kkiRecord())]
}

/** Answers of KKI with an identity number in them, by fault. */
export function awkwardAnswers(kki: FakeKki): Record<string, (response: ServerResponse) => void> {
  const problem = () => ({
    type: `urn:kki:${nik()}`,
    title: nik(),
    detail: `NIK ${nik()}`,
    instance: `/v1/tenaga-kesehatan/${nik()}`
  })
  const gzip = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  return {
    'no JSON': response => response.end(`<html>NIK ${nik()}</html>`),
    'cut JSON': response => response.end(`{"data":[{"nik":"${nik()}`),
    'another shape': response => sendJson(response, 200, { [nik()]: 1, data: nik() }),
    'no total': response => sendJson(response, 200, pageOf([], null, Number(nik()))),
    'no cursor': response => sendJson(response, 200, { data: [], meta: { kursor_berikutnya: { k: nik() } } }),
    refusal: response =>
      sendJson(response, 403, problem(), {
        'content-type': 'application/problem+json',
        location: `/${nik()}`,
        etag: `"${nik()}"`
      }),
    'status text': response => response.writeHead(409, `NIK ${nik()}`).end(),
    redirect: response => response.writeHead(302, { location: `${kki.url}/${nik()}` }).end(),
    outage: response => sendJson(response, 500, problem()),
    'no date': response => response.setHeader('date', `Mon, ${nik()}`).end(JSON.stringify(pageOf([]))),
    'another encoding': response => response.writeHead(200, { 'content-encoding': nik() }).end('x'),
    'cut gzip': response => {
      const whole = gzipSync(JSON.stringify(pageOf(Array(500).fill({ nik: nik() }))), { level: 0 })
      response.writeHead(200, { ...gzip, 'content-length': whole.length }).write(whole.subarray(0, whole.length / 2))
      response.socket?.end()
    },
    'short gzip': response => {
      const whole = gzipSync(JSON.stringify(pageOf([{ nik: nik() }])), { level: 0 })
      response.writeHead(200, gzip).end(whole.subarray(0, whole.length - 12))
    },
    'no gzip': response => response.writeHead(200, gzip).end(nik()),
    'no HTTP': response => void response.socket?.end(`${nik()}\r\n\r\n`),
    'a header of another kind': response => void response.socket?.end(`HTTP/1.1 200 OK\r\n${nik()} x\r\n\r\n`)
  }
}

/** Answers of the token endpoint with an identity number in them. */
export function awkwardTokens(): Record<string, (response: ServerResponse) => void> {
  return {
    'token refused': response =>
      sendJson(response, 401, {
        error: 'invalid_client',
        error_description: `NIK ${nik()}`,
        error_uri: `https://kki.example/${nik()}`
      }),
    'another error': response => sendJson(response, 400, { error: nik() }),
    'no token': response => sendJson(response, 200, { token_type: nik(), access_token: 'x' }),
    'a token without an end': response =>
      sendJson(response, 200, {
        access_token: 'x',
        token_type: 'Bearer',
        expires_in: Number(nik())
      }),
    'no JSON of a token': response => response.end(`NIK ${nik()}`)
  }
}
