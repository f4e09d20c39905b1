import { isDeepStrictEqual } from 'node:util'
import type { SourceDescription } from '../../sidecar/source/description.ts'
import type { Fields } from '../../sidecar/transform/mapping.ts'
import type { Tables } from '../../sidecar/transform/tables.ts'
import { compileDay, compileInstant, readWrittenDay } from './dates.ts'
import { compileGet, compilePut, type Json } from './json-place.ts'
import { compileSources } from './source-writer.ts'
import { compileProfessionWords, compileWords, type Translate } from './words.ts'

/** The names of the description's fields in generated records. */
const ownNames: Record<keyof Fields, string> = {
  strNumber: 'nomor_str',
  nik: 'nik',
  name: 'nama',
  titlePrefix: 'gelar_depan',
  titleSuffix: 'gelar_belakang',
  birthPlace: 'tempat_lahir',
  birthDate: 'tanggal_lahir',
  sex: 'jenis_kelamin',
  profession: 'profesi',
  competence: 'kompetensi',
  status: 'status_str',
  issuedOn: 'tanggal_terbit',
  validUntil: 'berlaku_sampai',
  institution: 'institusi_pendidikan',
  graduationYear: 'tahun_lulus',
  province: 'provinsi',
  changedAt: 'diubah_pada'
}
const known = new Set(Object.values(ownNames))

/** Writes generated records in the form of one description. */
export interface RecordWriter {
  /** Returns the JSON text of a record. `variant` chooses among words, places and formats; equal input gives equal text. */
  write(record: unknown, variant: number, registrations?: readonly { record: unknown; variant: number }[]): string
  /** Returns the word for a profession of a generated record. */
  profession: Translate
}

/** Returns a writer for the records of a description; `own` is the description of generated records. */
export function compileRecords(description: SourceDescription, own: SourceDescription): RecordWriter {
  const profession = compileProfessionWords(own.tables.professions, description.tables.professions)
  const { fields, dates, tables, answer } = description
  const isOwn =
    answer.registrations === undefined &&
    isDeepStrictEqual([fields, dates, tables], [own.fields, own.dates, own.tables])
  if (isOwn) return { write: record => JSON.stringify(record), profession }

  const words = compileValues(description, own, profession)
  const names = Object.keys(fields) as (keyof Fields)[]
  const put = compileSources(Object.values(fields))
  const writers = names.map((name, at) => ({ own: ownNames[name], word: words[name], put: put[at] }))
  const taken = new Set(
    Object.values(fields).flatMap(source => (typeof source === 'string' ? source.split('/')[1] : []))
  )
  const fill = (record: object, variant: number): Json => {
    const target: Json = {}
    for (const { own: name, word, put: write } of writers) {
      const value = (record as Json)[name]
      if (value === undefined) continue
      write?.(target, value === null || word === undefined ? value : word(value, variant), variant)
    }
    for (const name of Object.keys(record))
      if (!known.has(name) && !taken.has(name)) target[name] = (record as Json)[name]
    return target
  }
  const { registrations } = answer
  const listAt = registrations && compileGet(registrations.list)
  const putList = registrations && compilePut(registrations.list)
  const conditions = Object.entries(registrations?.where ?? {}).map(([pointer, value]) => ({
    put: compilePut(pointer),
    value
  }))
  const other: Json = {}
  for (const { put: condition, value } of conditions) condition(other, `${value}-lain`)
  const elementOf = (target: Json): Json => {
    const element = (listAt?.(target) ?? {}) as Json
    for (const { put: condition, value } of conditions) condition(element, value)
    return element
  }

  return {
    profession,
    write(record, variant, others = []) {
      if (typeof record !== 'object' || record === null) return JSON.stringify(record)
      const target = fill(record, variant)
      const elements = others.map(one => elementOf(fill(Object(one.record), one.variant)))
      putList?.(target, [...(conditions.length === 0 ? [] : [other]), elementOf(target), ...elements])
      return JSON.stringify(target)
    }
  }
}

type Value = (value: unknown, variant: number) => unknown

/** Returns converters for fields with words and dates; other fields are sent unchanged. */
function compileValues(
  { dates, tables }: SourceDescription,
  own: SourceDescription,
  profession: Translate
): Partial<Record<keyof Fields, Value>> {
  const status = compileWords(own.tables.statusWords, tables.statusWords)
  const sex = compileWords(own.tables.sexWords, tables.sexWords)
  const day = (name: 'birthDate' | 'issuedOn' | 'validUntil'): Value => {
    const formats = (dates.formats[name] ?? []).map(format => compileDay(format, dates.zone, tables.monthNames))
    const isOwn = isDeepStrictEqual([dates.formats[name], tables], [own.dates.formats[name], own.tables])
    return (value, variant) => (isOwn || typeof value !== 'string' ? value : writeDay(value, variant, formats, tables))
  }
  const stampFormats = dates.formats.changedAt ?? []
  const stamps = stampFormats.map(format => compileInstant(format, dates.zone, tables.monthNames))
  return {
    status: textual(status),
    sex: textual(sex),
    profession: textual(profession),
    birthDate: day('birthDate'),
    issuedOn: day('issuedOn'),
    validUntil: day('validUntil'),
    changedAt: (value, variant) => {
      // Generated records already have this format.
      if (stampFormats[variant % stampFormats.length] === 'instant') return value
      const ms = Date.parse(String(value))
      return Number.isNaN(ms) ? value : stamps[variant % stamps.length]?.(ms)
    }
  }
}

function textual(translate: Translate): Value {
  return (value, variant) => (typeof value === 'string' ? translate(value, variant) : value)
}

/** No format can read this date, because neither part is a month. */
const unreadable = '31-31-1985'
const unknownWords = ['-', '0000-00-00']
const lifetimeWord = 'Seumur Hidup'
const endless = '9999-12-31'

function writeDay(text: string, variant: number, formats: ReturnType<typeof compileDay>[], tables: Tables): unknown {
  const { lifetimeWords, endlessDates, unknownDateWords } = tables
  if (text === lifetimeWord) return lifetimeWords[variant % lifetimeWords.length] ?? null
  if (unknownWords.includes(text)) return unknownDateWords[variant % unknownDateWords.length] ?? null
  const listed = text === endless && !endlessDates.includes(text) ? endlessDates[0] : text
  if (listed === undefined) return null
  const date = readWrittenDay(listed)
  return date === null ? unreadable : formats[variant % formats.length]?.(date)
}
