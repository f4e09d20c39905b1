import { Compile } from 'typebox/compile'
import { ConfigurationError } from '../errors.ts'
import { findUnportable } from '../platform/portable-text.ts'
import { birthPlaceWords } from './birth-place.ts'
import { isDateFormat } from './date-format.ts'
import { compileDayReader } from './dates.ts'
import { type Mapping, MappingSchema } from './mapping-schema.ts'
import { findOverlap } from './professions.ts'
import { foldWord } from './text.ts'

export type { Mapping } from './mapping-schema.ts'

const variable = 'KKI_MAPPING_FILE'
const shape = Compile(MappingSchema)
const isoDay = compileDayReader(['YYYY-MM-DD'], [])

/**
 * Returns the mapping that the parsed file holds, checked for all that would make it ambiguous.
 *
 * @throws ConfigurationError naming `KKI_MAPPING_FILE` and the JSON path at fault
 */
export function parseMapping(json: unknown): Mapping {
  if (!shape.Check(json)) {
    const [error] = shape.Errors(json)
    throw fault(error?.instancePath ?? '', error?.message ?? 'is not a mapping')
  }
  const unportable = findUnportable(json)
  if (unportable !== null) throw fault(unportable, 'has a character that not every receiver can carry')
  checkFields(json)
  checkDates(json)
  checkWords('/statusWords', json.statusWords)
  checkWords('/sexWords', json.sexWords)
  checkUnknownWords('/unknownWords', json.unknownWords)
  checkUnknownWords('/unknownWordsOutsideNames', json.unknownWordsOutsideNames)
  checkProfessions(json)
  checkBirthPlaces(json)
  return json
}

function checkFields(mapping: Mapping): void {
  const seen = new Set<string>()
  for (const [field, pointer] of Object.entries(mapping.fields)) {
    if (seen.has(pointer)) throw fault(`/fields/${field}`, 'another field has the same source path')
    seen.add(pointer)
  }
}

function checkDates(mapping: Mapping): void {
  for (const [field, formats] of Object.entries(mapping.dateFormats)) {
    const shapes = new Set<string>()
    for (const [index, format] of formats.entries()) {
      const path = `/dateFormats/${field}/${index}`
      if (!isDateFormat(format)) throw fault(path, 'needs a year, a month and a day, each once')
      const shape = format.replace(/DD|MM|D/g, '#')
      if (shapes.has(shape)) throw fault(path, 'cannot be told from another format of this field')
      shapes.add(shape)
    }
  }
  const names = mapping.monthNames.map(list => list.map(name => name.toLowerCase()))
  for (const [index, list] of names.entries()) {
    const clash = names.some((other, at) => at !== index && other.some(name => list.includes(name)))
    if (clash) throw fault(`/monthNames/${index}`, 'another month has the same name')
  }
  for (const [index, day] of mapping.endlessDates.entries()) {
    if (isoDay(day) === null) throw fault(`/endlessDates/${index}`, 'is not a date')
  }
}

function checkWords(path: string, words: Record<string, string>): void {
  const meanings = new Map<string, string>()
  for (const [word, meaning] of Object.entries(words)) {
    const folded = foldWord(word)
    if (folded === '') throw fault(path, 'has a blank word')
    if ((meanings.get(folded) ?? meaning) !== meaning) throw fault(`${path}/${word}`, 'has two meanings')
    meanings.set(folded, meaning)
  }
}

function checkUnknownWords(path: string, words: readonly string[] = []): void {
  for (const [index, word] of words.entries()) {
    if (!/[\p{L}\p{N}]/u.test(word)) throw fault(`${path}/${index}`, 'needs no listing without a letter or digit')
  }
}

function checkProfessions({ professions }: Mapping): void {
  const codes = new Set<string>()
  const filters = new Set<string>()
  for (const [index, profession] of professions.entries()) {
    if (codes.has(profession.code)) throw fault(`/professions/${index}/code`, 'is used twice')
    codes.add(profession.code)
    for (const [at, code] of profession.kkiCodes.entries()) {
      if (filters.has(foldWord(code))) throw fault(`/professions/${index}/kkiCodes/${at}`, 'is used twice')
      filters.add(foldWord(code))
    }
    for (const [at, alias] of profession.aliases.entries()) {
      const path = `/professions/${index}/aliases/${at}`
      const { validFrom = '1900-01-01', validUntil = '9999-12-31' } = alias
      if (isoDay(validFrom) === null) throw fault(`${path}/validFrom`, 'is not a date')
      if (isoDay(validUntil) === null) throw fault(`${path}/validUntil`, 'is not a date')
      if (validFrom > validUntil) throw fault(path, 'ends before it begins')
    }
  }
  const overlap = findOverlap(professions)
  if (overlap !== null) throw fault(overlap, 'the same word is valid twice at the same time')
}

function checkBirthPlaces({ birthPlaceAliases }: Mapping): void {
  const seen = new Set<string>()
  for (const [index, alias] of birthPlaceAliases.entries()) {
    const word = birthPlaceWords(alias.value)
    if (word === '' || seen.has(word)) throw fault(`/birthPlaceAliases/${index}/value`, 'is blank or used twice')
    seen.add(word)
  }
}

function fault(path: string, reason: string): ConfigurationError {
  return new ConfigurationError(variable, `${path === '' ? '/' : path}: ${reason}`)
}
