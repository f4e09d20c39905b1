import fc from 'fast-check'
import type { DescriptionFile } from '../../sidecar/source/description.ts'
import type { FieldSource, OneValue } from '../../sidecar/transform/field-source.ts'
import { fieldNames, type MappedField, requiredFields } from '../../sidecar/transform/mapping.ts'
import type { Tables } from '../../sidecar/transform/tables.ts'

/**
 * Random descriptions within the schema. Each field has its own places, but they share containers, lists and elements of
 * lists.
 */

/** Fields whose every value is a text of at least one digit, or is meant as a word of a table. */
const codeFields: readonly MappedField[] = ['profession', 'status', 'sex']

export const registrationList = '/izin/daftar'

const leafNames = ['nilai', 'developer.email', 'a~1b', 'm~0n', 'Kolom Ke', 'ñandú', '0x', 'true']
const containers = ['', '/biodata', '/data/registrasi', '/riwayat/0', '/riwayat/2', '/x~1y/z']
const lists = ['/identitas', '/data/sistem', '/riwayat']

const oneOf = <T>(...values: T[]) => fc.constantFrom(...values)

/** A place that no other field has; `key` makes it so. */
function place(key: string, below: string): fc.Arbitrary<OneValue> {
  const leaf = fc
    .tuple(oneOf(...leafNames), fc.boolean())
    .map(([name, isDeep]) => `/${name}${key}${isDeep ? '/isi' : ''}`)
  const pointer = fc.tuple(oneOf(...containers), leaf).map(([container, end]) => `${below}${container}${end}`)
  const where = fc.oneof(
    leaf.map(end => ({ list: oneOf(...lists), where: { '/sistem': `https://contoh.example/${key}` }, end })),
    leaf.map(end => ({ list: oneOf(...lists), where: { '/jenis/kode': key.length + 7, '/ke': `${key}` }, end })),
    // Several fields of one element.
    leaf.map(end => ({ list: oneOf(...lists), where: { '/sistem': 'bersama', '/aktif': true }, end }))
  )
  const element = where.chain(({ list, where: constants, end }) =>
    list.map(at => ({ list: below + at, where: constants as Record<string, string | number | boolean>, at: end }))
  )
  return fc.oneof({ weight: 3, arbitrary: pointer }, { weight: 2, arbitrary: element })
}

type Converters = ('text' | 'digits' | 'number')[]

function convertersOf(name: MappedField): fc.Arbitrary<Converters | undefined> {
  if (name === 'nik') return oneOf<Converters | undefined>(undefined, ['digits'], ['text'], ['text', 'digits'])
  if (codeFields.includes(name)) return oneOf<Converters | undefined>(undefined, ['text'])
  if (name === 'graduationYear') return oneOf<Converters | undefined>(undefined, ['number'], ['digits', 'number'])
  return fc.constant(undefined)
}

function withConvert<T extends OneValue>(source: T, convert: Converters | undefined): OneValue {
  if (convert === undefined) return source
  return typeof source === 'string' ? { at: source, convert } : { ...source, convert }
}

function sourceOf(name: MappedField, key: string, below: string): fc.Arbitrary<FieldSource> {
  const one = fc.tuple(place(key, below), convertersOf(name)).map(([source, convert]) => withConvert(source, convert))
  const several = fc
    .tuple(fc.integer({ min: 2, max: 4 }), convertersOf(name))
    .chain(([count, convert]) =>
      fc
        .tuple(...Array.from({ length: count }, (_, at) => place(`${key}${'abcd'[at]}`, below)))
        .map(firstOf => ({ firstOf, ...(convert !== undefined && { convert }) }))
    )
  const joined = fc
    .tuple(fc.integer({ min: 2, max: 4 }), oneOf(undefined, ' ', ', ', '-', '.'))
    .chain(([count, separator]) =>
      fc
        .tuple(...Array.from({ length: count }, (_, at) => place(`${key}${'abcd'[at]}`, below)))
        .map(join => ({ join, ...(separator !== undefined && { separator }) }))
    )
  const isText = !['graduationYear', 'changedAt', 'birthDate', 'issuedOn', 'validUntil'].includes(name)
  return fc.oneof(
    { weight: 6, arbitrary: one },
    { weight: 2, arbitrary: several },
    ...(isText ? [{ weight: 2, arbitrary: joined as fc.Arbitrary<FieldSource> }] : [])
  )
}

const dayFormats = ['YYYY-MM-DD', 'DD/MM/YYYY', 'MM.DD.YYYY', 'D MMMM YYYY', 'YYYY MM DD HH:mm:ss', 'instant']
const stampFormats = [
  'instant',
  'YYYY-MM-DD HH:mm:ss',
  'DD/MM/YYYY HH:mm',
  'YYYYMMDDHHmmss',
  'MMMM D, YYYY HH.mm',
  'D-MM-YYYY'
]
const epochs = ['epochSeconds', 'epochMilliseconds']
const formatsFrom = (formats: string[]) =>
  fc
    .tuple(fc.subarray(formats, { minLength: 1, maxLength: 3 }), oneOf(null, ...epochs))
    .map(([chosen, epoch]) => (epoch === null ? chosen : [...chosen.slice(1), epoch]))

/** Words with one meaning each: texts, or numbers as texts. */
function wordsFor<M extends string>(meanings: readonly M[]): fc.Arbitrary<Record<string, M>> {
  return fc
    .tuple(fc.boolean(), fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 90 }))
    .map(([isCode, count, from]) =>
      Object.fromEntries(
        meanings.flatMap((meaning, at) =>
          Array.from({ length: count }, (_, more) => {
            const number = from + at * count + more
            return [isCode ? String(number) : `Kata ${meaning} ${number}`, meaning]
          })
        )
      )
    )
}

function tablesFrom(own: Tables): fc.Arbitrary<Partial<Tables>> {
  const professions = fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 3 })).map(([isCode, count]) =>
    own.professions.map((profession, at) => ({
      ...profession,
      aliases: [],
      kkiCodes: Array.from({ length: count }, (_, more) =>
        isCode ? String(100 + at * 10 + more) : `Profesi-${at}-${more}`
      )
    }))
  )
  return fc.record(
    {
      statusWords: wordsFor(['active', 'inactive', 'suspended', 'revoked', 'deceased']),
      sexWords: wordsFor(['male', 'female']),
      professions,
      lifetimeWords: oneOf(['Selamanya'], ['Tanpa Batas', 'Seumur Hidup']),
      endlessDates: oneOf(['2999-12-31'], ['9999-12-31', '2099-12-31']),
      unknownDateWords: oneOf(['1111-11-11 kosong'], ['00/00/0000', '-']),
      monthNames: oneOf(
        ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September']
          .concat('October', 'November', 'December')
          .map(name => [name])
      )
    },
    { requiredKeys: [] }
  )
}

/** The parts of a description that define the meaning of a record. */
export type RandomMeaning = Pick<DescriptionFile, 'fields' | 'dates' | 'tables'> & {
  registrations: NonNullable<DescriptionFile['answer']['registrations']> | null
}

const constants: Partial<Record<MappedField, (tables: Tables) => string>> = {
  competence: () => 'Kompetensi Umum',
  institution: () => 'Universitas Rekaan',
  province: () => 'BALI',
  status: ({ statusWords }) => Object.keys(statusWords)[0] ?? '',
  sex: ({ sexWords }) => Object.keys(sexWords)[0] ?? ''
}

export function randomMeaning(own: Tables): fc.Arbitrary<RandomMeaning> {
  const registrations = fc.option(
    oneOf({ list: registrationList }, { list: registrationList, where: { '/jenis': 'STR', '/aktif': 1 } }),
    {
      nil: null,
      freq: 2
    }
  )
  return fc
    .tuple(
      registrations,
      tablesFrom(own),
      fc.subarray([...fieldNames]),
      fc.subarray([...fieldNames]),
      fc.subarray([...fieldNames], { maxLength: 3 })
    )
    .chain(([list, tables, optional, inRegistration, constant]) => {
      const all = { ...own, ...tables }
      const names = fieldNames.filter(name => requiredFields.includes(name) || optional.includes(name))
      const sources = names.map((name, at) => {
        const isBelow = list !== null && (name === 'strNumber' || inRegistration.includes(name))
        const text = constant.includes(name) ? constants[name]?.(all) : undefined
        if (text !== undefined) return fc.constant<FieldSource>({ constant: text })
        return sourceOf(name, String.fromCharCode(65 + at), isBelow ? registrationList : '')
      })
      const formats = fc.record({
        birthDate: formatsFrom(dayFormats),
        issuedOn: formatsFrom(dayFormats),
        validUntil: formatsFrom(dayFormats),
        changedAt: formatsFrom(stampFormats)
      })
      return fc
        .tuple(fc.tuple(...sources), formats, oneOf('Asia/Jakarta', 'Asia/Makassar', 'Asia/Jayapura', 'UTC'))
        .map(
          ([read, byField, zone]): RandomMeaning => ({
            fields: Object.fromEntries(names.map((name, at) => [name, read[at]])) as DescriptionFile['fields'],
            dates: {
              zone: zone as DescriptionFile['dates']['zone'],
              formats: Object.fromEntries(
                Object.entries(byField).filter(([name]) => names.includes(name as MappedField))
              )
            },
            tables,
            registrations: list
          })
        )
    })
}

type Parts = Pick<DescriptionFile, 'authentication' | 'request' | 'paging' | 'answer' | 'clock' | 'limits'>

const carriers = oneOf(
  { in: 'header', name: 'X-Kunci' },
  { in: 'header', name: 'Authorization', prefix: 'Token ' },
  { in: 'query', name: 'kunci' }
) as fc.Arbitrary<{ in: 'header' | 'query'; name: string; prefix?: string }>

const authentications = fc.oneof(
  fc
    .record(
      {
        credentialsIn: oneOf('body', 'basic'),
        parametersIn: oneOf('body', 'query'),
        parameters: oneOf({ scope: 'nakes.read' }, { scope: 'baca', audience: 'https://kki.example/api' }),
        token: oneOf('/data/token', '/tokens/0/nilai'),
        expiresIn: oneOf('/data/umur', '/expires_in'),
        lifetimeSeconds: oneOf(600, 3600)
      },
      { requiredKeys: ['credentialsIn'] }
    )
    .chain(parts =>
      fc.boolean().map(refreshToken => ({ type: 'oauth2', path: '/masuk/token', refreshToken, ...parts }))
    ),
  fc
    .tuple(
      oneOf<object>(
        { json: { pengguna: { nama: '{username}', sandi: '{password}' }, versi: 2 } },
        { form: { u: '{username}', p: 'x-{password}', jenis: 'api' } }
      ),
      oneOf<object>({}, { expiresIn: '/hasil/detik' }, { lifetimeSeconds: 900 }),
      carriers
    )
    .map(([body, life, carrier]) => ({
      type: 'session',
      path: '/masuk',
      token: '/hasil/token',
      ...body,
      ...life,
      ...carrier
    })),
  fc.constant({ type: 'bearer' }),
  carriers.map(carrier => ({ type: 'api_key', ...carrier })),
  fc.constant({ type: 'basic' }),
  fc.constant({ type: 'none' })
) as fc.Arbitrary<Parts['authentication']>

const ends = fc.record({ hasMore: fc.constant('/halaman/masih'), emptyPage: fc.constant(true) }, { requiredKeys: [] })
const nexts = oneOf<FieldSource>(
  '/halaman/berikut',
  '/next',
  { list: '/tautan', where: { '/rel': 'next' }, at: '/alamat' },
  { firstOf: ['/a/b', '/c'] }
)
const pagings = fc.oneof(
  fc.tuple(oneOf('cursor', 'json_link'), nexts, ends).map(([type, next, end]) => ({ type, next, ...end })),
  ends.map(end => ({ type: 'header_link', ...end })),
  fc
    .tuple(oneOf(0, 1), oneOf<object>({}, { lastPage: '/halaman/terakhir' }, { hasMore: '/lagi' }))
    .map(([firstPage, end]) => ({ type: 'page_number', firstPage, ...end })),
  fc
    .tuple(oneOf(0, 1), oneOf<object>({}, { hasMore: '/lagi' }))
    .map(([firstOffset, end]) => ({ type: 'offset', firstOffset, ...end })),
  fc.constant({ type: 'single_page' })
) as fc.Arbitrary<Parts['paging']>

const faults = oneOf(
  undefined,
  [{ status: 404, means: 'noRows' }],
  [
    { at: '/kode', equals: ['401', 403], means: 'tokenDenied' },
    { at: '/kode', equals: [429], means: 'tryLater' },
    { at: '/kode', except: ['200', 'OK'], means: 'stop' }
  ],
  [
    { at: '/sukses', equals: ['false'], status: 200, means: 'tryLater' },
    { at: '/meta/kode', equals: [204], means: 'noRows' }
  ]
) as fc.Arbitrary<Parts['answer']['faults']>

const placeholderOf: Partial<Record<Parts['paging']['type'], string>> = {
  cursor: '{cursor}',
  page_number: '{page}',
  offset: '{offset}'
}

/** Random ways to ask an API. */
export const randomParts: fc.Arbitrary<Parts> = pagings.chain(paging => {
  const mayBeList = paging.type === 'header_link' && paging.hasMore === undefined
  const window = fc.option(
    fc
      .tuple(
        oneOf('instant', 'epochSeconds', 'epochMilliseconds', 'YYYY-MM-DD', 'DD/MM/YYYY HH:mm', 'YYYY-MM-DDTHH:mm:ss'),
        oneOf('Asia/Jakarta', 'Asia/Makassar', 'UTC'),
        oneOf('inclusive', 'exclusive'),
        oneOf('inclusive', 'exclusive', undefined)
      )
      .map(([format, zone, since, until]) => ({
        format,
        since,
        ...(format.includes('YYYY') && { zone }),
        ...(until !== undefined && { until })
      })),
    { nil: undefined, freq: 4 }
  )
  return fc
    .tuple(
      authentications,
      window,
      oneOf('query', 'json', 'form'),
      fc.boolean(),
      faults,
      fc.boolean(),
      fc.integer({ min: 3, max: 40 }),
      fc.integer({ min: 1, max: 8 }),
      oneOf('date_header', 'field', 'own')
    )
    .map(([authentication, bounds, place, hasSize, described, isBare, pageSize, pagesAtOnce, from]) => {
      const position = placeholderOf[paging.type]
      const parameters = {
        urut: 'waktu',
        ...(hasSize && { jumlah: '{pageSize}' }),
        ...(position !== undefined && { posisi: position }),
        ...(bounds !== undefined && { dari: 'ge{since}' }),
        ...(bounds?.until !== undefined && { sampai: '{until}' })
      }
      const limits = {
        ...(hasSize && { pageSize }),
        ...(paging.type === 'offset' && { pagesAtOnce })
      }
      const isLink = paging.type.endsWith('_link')
      const method = isLink ? {} : { method: 'POST' }
      const asked =
        place === 'query' || isLink
          ? {
              query: {
                ...parameters,
                ...(bounds?.until !== undefined && { dari: ['ge{since}', 'lt{until}'], sampai: 'ya' })
              }
            }
          : place === 'json'
            ? { ...method, json: { saring: parameters, tetap: [1, true] } }
            : { ...method, form: parameters }
      const rows =
        mayBeList && isBare && described?.every(fault => !('at' in fault)) !== false && from !== 'field'
          ? ''
          : '/isi/baris'
      return {
        authentication,
        request: {
          path: '/data/nakes',
          headers: { 'X-Versi': '2' },
          ...asked,
          ...(bounds !== undefined && { window: bounds })
        },
        paging,
        answer: {
          rows,
          ...(isBare && { rowsMayBe: ['absent'] }),
          ...(rows !== '' && { total: '/isi/jumlah' }),
          ...(described !== undefined && {
            faults:
              authentication.type === 'none' ? described.filter(({ means }) => means !== 'tokenDenied') : described
          })
        },
        clock:
          from === 'field'
            ? { from, at: '/waktu', format: 'epochSeconds' }
            : from === 'own'
              ? { from, marginSeconds: 0 }
              : { from },
        limits
      } as Parts
    })
})
