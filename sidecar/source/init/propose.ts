import { counted, plural } from '../../platform/plural.ts'
import type { FieldSource } from '../../transform/field-source.ts'
import { dateFields, fieldNames, type MappedField, requiredFields } from '../../transform/mapping.ts'
import { nikFault } from '../../transform/nik.ts'
import { compileProfessions } from '../../transform/professions.ts'
import type { Tables } from '../../transform/tables.ts'
import { foldWord } from '../../transform/text.ts'
import { suggestFormats } from '../check/date-formats.ts'
import { showableWords } from '../check/mask.ts'
import { type Guess, type Place, recognise } from '../check/recognise.ts'
import { guessEnvelope } from './envelope.ts'
import { findRecords } from './records.ts'

/** A description to complete, and notes about guesses, gaps and doubts, each with its place in the file. */
export interface Proposal {
  description: Record<string, unknown>
  notes: Note[]
}

export interface Note {
  /** `fill`: the file does not load until this is filled in. */
  kind: 'guessed' | 'fill' | 'look'
  at: string
  text: string
}

const pointerGap = gap('a JSON pointer such as /nama')

/** Returns the text that marks a gap in the file; the loader rejects it with its place. */
function gap(expected: string): string {
  return `FILL IN: ${expected}`
}

/**
 * Proposes a description from one page of a source, given as parsed JSON. Gaps are marked "FILL IN: …", which no setting
 * accepts, so a file with a gap does not load. `tables` are those that a description may leave out.
 */
export function proposeDescription(page: unknown, tables: Tables): Proposal {
  const notes: Note[] = []
  const note = (kind: Note['kind'], at: string, text: string) => notes.push({ kind, at, text })
  const records = findRecords(page, tables)
  if (records.rows === null) note('fill', '/answer/rows', 'no list of records was found in the page')
  else
    note(
      'guessed',
      '/answer/rows',
      `${counted(records.count, 'record')} ${plural(records.count, 'stands', 'stand')} at "${records.rows}"`
    )
  if (records.registrations !== null) {
    note('guessed', '/answer/registrations', `the list ${records.registrations} contains registrations of a person`)
  }
  const guesses = recognise(records.places, tables)
  guessStatus(records.places, guesses, note)
  const fields: Record<string, unknown> = {}
  for (const field of fieldNames) {
    const guess = guesses.get(field)
    if (guess !== undefined) {
      fields[field] = withConverter(field, guess.place)
      note('guessed', `/fields/${field}`, `${JSON.stringify(fields[field])}, ${wordsFor(guess)}`)
      noteNumbers(field, guess.place, note)
    } else if (requiredFields.includes(field)) {
      fields[field] = pointerGap
      note('fill', `/fields/${field}`, `no place in the records looks like it${placesLeft(records.places, guesses)}`)
    }
  }
  const missing = fieldNames.filter(field => !guesses.has(field) && !requiredFields.includes(field))
  if (missing.length > 0) note('look', '/fields', `not found: ${missing.join(', ')}`)

  const envelope = guessEnvelope(page, records.rows ?? '', note, gap)
  note(
    'fill',
    '/authentication',
    'oauth2, session (a login that returns a token), bearer, api_key, basic or none: the page does not show it'
  )
  const description: Record<string, unknown> = {
    authentication: { type: gap('oauth2, session, bearer, api_key, basic or none') },
    request: envelope.request,
    paging: envelope.paging,
    answer: {
      rows: records.rows ?? gap('a JSON pointer such as /data'),
      ...(records.registrations !== null && { registrations: { list: records.registrations } }),
      ...(envelope.total !== null && { total: envelope.total })
    },
    clock: { from: 'date_header' },
    ...(envelope.limits !== null && { limits: envelope.limits }),
    fields,
    dates: proposeDates(guesses, tables, note)
  }
  note('look', '/clock', 'the header Date of the answers is used as the clock of the source')
  const words = proposeTables(guesses, tables, note)
  if (Object.keys(words).length > 0) description.tables = words
  return { description, notes }
}

type AddNote = (kind: Note['kind'], at: string, text: string) => void

const mostPlaces = 8

/** Lists the places without a field: one of them may be the missing field. */
function placesLeft(places: readonly Place[], guesses: ReadonlyMap<MappedField, Guess>): string {
  const taken = new Set([...guesses.values()].map(({ place }) => place.source))
  const left = places.map(({ source }) => source).filter(source => typeof source === 'string' && !taken.has(source))
  if (left.length === 0) return ''
  return `; not read yet: ${left.slice(0, mostPlaces).join(', ')}${left.length > mostPlaces ? ', …' : ''}`
}

function wordsFor({ by, place }: Guess): string {
  const how = by.map(one => (one === 'name' ? 'its name' : 'its content')).join(' and ')
  return `by ${how}; ${counted(place.values.length, 'record')} ${plural(place.values.length, 'has', 'have')} it`
}

/** Adds the converters that the values need. */
function withConverter(field: MappedField, { source, values }: Place): FieldSource {
  const isNumber = values.length > 0 && values.every(value => typeof value === 'number')
  const isText = values.every(value => typeof value === 'string')
  const add = (convert: ('text' | 'digits' | 'number')[]): FieldSource =>
    typeof source === 'string' ? { at: source, convert } : ({ ...(source as object), convert } as FieldSource)
  if (field === 'graduationYear') return isText && values.length > 0 ? add(['number']) : source
  if (dateFields.some(name => name === field)) return source
  if (isNumber) return add(['text'])
  if (field === 'nik' && isText && values.some(value => isSpelledNik(String(value)))) return add(['digits'])
  return source
}

function isSpelledNik(value: string): boolean {
  return nikFault(value) !== null && nikFault(value.replaceAll(/\D/g, '')) === null
}

function noteNumbers(field: MappedField, { values }: Place, note: AddNote): void {
  if (field !== 'nik' && field !== 'strNumber') return
  if (!values.some(value => typeof value === 'number')) return
  note('look', `/fields/${field}`, 'the source writes it as a number; ask for texts, because long numbers lose digits')
}

function proposeDates(guesses: ReadonlyMap<MappedField, Guess>, tables: Tables, note: AddNote): unknown {
  const formats: Record<string, string[]> = {}
  const lifetimeWords = new Set(tables.lifetimeWords.map(foldWord))
  for (const field of dateFields) {
    const values = guesses.get(field)?.place.values
    if (values === undefined) continue
    const isForLife = (value: unknown) => lifetimeWords.has(foldWord(String(value)))
    const dates = field === 'validUntil' ? values.filter(value => !isForLife(value)) : values
    const suggested = suggestFormats(dates, tables.monthNames)
    if (suggested === null) {
      formats[field] = [gap('a format such as DD-MM-YYYY')]
      note('fill', `/dates/formats/${field}`, 'no known format reads the values')
      continue
    }
    formats[field] = suggested.formats
    note(
      'guessed',
      `/dates/formats/${field}`,
      `${suggested.formats.join(', ')} read ${suggested.read} of ${dates.length} dates${
        dates.length < values.length ? `; ${values.length - dates.length} more say: for life` : ''
      }`
    )
  }
  note(
    'look',
    '/dates/zone',
    'times without an offset are read as times of Jakarta (WIB); WITA is Asia/Makassar, WIT is Asia/Jayapura'
  )
  return { zone: 'Asia/Jakarta', formats }
}

const statusHints: [RegExp, string][] = [
  [/CABUT_SEMENTARA|BEKU|TUNDA|SKORS|BLOKIR|SUSPEN|BLOCK/, 'suspended'],
  [/CABUT|BATAL|REVOKE|CANCEL/, 'revoked'],
  [/MENINGGAL|WAFAT|ALMARHUM|DECEASED|DEAD/, 'deceased'],
  [/K[AE]DALU?WARSA|KADALUARSA|BERAKHIR|HABIS|LEWAT|EXPIRED|LAPSED/, 'expired'],
  [/TIDAK|NON|IN_?(?:ACTIVE|VALID)|INAKTIF|PENSIUN|RETIRED/, 'inactive'],
  [/AKTIF|ACTIVE|BERLAKU|VALID|^SAH$|TERBIT|ISSUED|REGISTERED/, 'active']
]
const mostStatuses = 8

/**
 * Adds the place of the status if its name and its words are unusual: the place with few different words, some of which
 * resemble a status, or the only place with few different words.
 */
function guessStatus(places: readonly Place[], guesses: Map<MappedField, Guess>, note: AddNote): void {
  if (guesses.has('status')) return
  const taken = new Set([...guesses.values()].map(({ place }) => place))
  const few = places.filter(place => {
    const words = new Set(codesOf(place.values))
    const isWhole = place.values.every(value => words.has(String(value)))
    return !taken.has(place) && words.size > 0 && words.size <= mostStatuses && isWhole
  })
  const sounding = few.find(({ values }) =>
    values.some(value => statusHints.some(([pattern]) => pattern.test(foldWord(String(value)))))
  )
  const varied = few.filter(({ values }) => new Set(values).size > 1)
  const place = sounding ?? (varied.length === 1 ? varied[0] : undefined)
  if (place === undefined) return
  guesses.set('status', { place, by: ['content'] })
  note('look', '/fields/status', 'chosen because it has few different words, and not by its name')
}

const sexHints: [RegExp, string][] = [
  [/^(?:FEMALE|F|WOMAN|PEREMPUAN|P|PR|WANITA)$/, 'female'],
  [/^(?:MALE|M|MAN|LAKI_LAKI|LAKI|L|LK|PRIA)$/, 'male']
]

/** Proposes tables for words that the shipped ones lack. */
function proposeTables(
  guesses: ReadonlyMap<MappedField, Guess>,
  tables: Tables,
  note: AddNote
): Record<string, unknown> {
  const proposed: Record<string, unknown> = {}
  const propose = (
    field: 'status' | 'sex',
    table: 'statusWords' | 'sexWords',
    hints: [RegExp, string][],
    all: string
  ) => {
    const words = codesOf(guesses.get(field)?.place.values)
    const known = new Map(Object.entries(tables[table]).map(([word, meaning]) => [foldWord(word), meaning as string]))
    if (words.every(word => known.has(foldWord(word)))) return
    const meanings = words.map(word => {
      const folded = foldWord(word)
      const meaning = known.get(folded) ?? hints.find(([pattern]) => pattern.test(folded))?.[1]
      const at = `/tables/${table}/${word}`
      if (meaning === undefined) note('fill', at, `one of ${all}`)
      else note('guessed', at, meaning)
      return [word, meaning ?? gap(all)]
    })
    proposed[table] = Object.fromEntries(meanings)
  }
  propose('status', 'statusWords', statusHints, 'active, suspended, inactive, revoked, expired, deceased')
  propose('sex', 'sexWords', sexHints, 'male, female')
  const professionOf = compileProfessions(tables.professions)
  const unknown = codesOf(guesses.get('profession')?.place.values).filter(
    word => professionOf(word, () => ['2026-01-01']) === null
  )
  if (unknown.length > 0) {
    note(
      'look',
      '/tables/professions',
      `the shipped table lacks ${unknown.join(', ')}: copy it, and add them as kkiCodes`
    )
  }
  return proposed
}

/** The words of a column, or its codes of three digits at most. */
function codesOf(values: readonly unknown[] = []): string[] {
  const showable = showableWords(values)
  const codes = values.map(String).filter(value => showable.has(value) || /^\d{1,3}$/.test(value))
  return [...new Set(codes)].sort()
}
