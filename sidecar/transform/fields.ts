import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { holdsIdentityNumber } from '../platform/identity-number.ts'
import { compileBlankTest } from './blank.ts'
import { epochFormats } from './date-format.ts'
import { compileSource, placeOf } from './field-source.ts'
import type { MappedField, Mapping } from './mapping.ts'
import { cleanText, isCleanWords } from './text.ts'
import type { Rejection } from './types.ts'

/** Longer texts are damage, and would not fit an index entry of the database. */
const maxLength = 400
const maxUncleanedLength = 100 * maxLength
/** Stands for a letter that somebody could not read, or for half of a character. It would overwrite a good value. */
const replacementCharacter = '\ufffd'
const years = { minimum: 0, maximum: 2100 }

const requiredText = Compile(Type.String())
const optionalText = Compile(Type.Union([Type.String(), Type.Null(), Type.Undefined()]))
const optionalYear = Compile(Type.Union([Type.Integer(years), Type.Null(), Type.Undefined()]))

/** Years before this one (0 above all) are how sources write that they do not know. */
const firstYear = 1900

/**
 * Reads one field and adds what is wrong with its shape: the cleaned text, `''` where it says nothing, `null` where it is
 * absent, `undefined` where it was refused.
 */
export type TextReader = (record: object, problems: Rejection[]) => string | null | undefined
export type YearReader = (record: object, problems: Rejection[]) => number | null

/**
 * Fields where a long number is no fault. The NIK and the STR are such numbers themselves. Dates are stored as dates, never
 * as text, and a time to the microsecond has as many digits as a NIK.
 */
const mayHoldNumbers: ReadonlySet<MappedField> = new Set([
  'nik',
  'strNumber',
  'birthDate',
  'issuedOn',
  'validUntil',
  'changedAt'
])

/**
 * Returns the reader of a text field; one that the mapping does not describe is always absent. A required text that is absent or `null` is rejected. So is a text that holds an
 * identity number, which would be stored in clear and go to Odoo, and one that another program has damaged.
 */
export function compileText(mapping: Mapping, field: MappedField, isRequired = false): TextReader {
  const source = mapping.fields[field]
  if (source === undefined) return () => null
  const instancePath = placeOf(source)
  const valueAt = compileSource(source)
  const mayBeNumber = isDateField(field) && mapping.dateFormats[field]?.some(format => epochFormats.includes(format))
  const shape = isRequired ? requiredText : optionalText
  const mayHoldNumber = mayHoldNumbers.has(field)
  const isBlank = compileBlankTest(mapping, field)
  return (record, problems) => {
    const value = valueAt(record)
    if (typeof value === 'string') {
      const isWords = !mayHoldNumber && isCleanWords(value)
      const text = isWords ? value : cleanValue(value)
      if (text.length > maxLength) {
        problems.push({ code: 'SCHEMA_INVALID', instancePath, params: { reason: 'tooLong', maxLength } })
      } else if (!mayHoldNumber && !isWords && holdsIdentityNumber(text)) {
        problems.push({ code: 'SCHEMA_INVALID', instancePath, params: { reason: 'identityNumber' } })
      } else if (!isWords && text.includes(replacementCharacter)) {
        problems.push({ code: 'SCHEMA_INVALID', instancePath, params: { reason: 'replacementCharacter' } })
      } else return isBlank(text) ? '' : text
      return undefined
    }
    if (mayBeNumber && typeof value === 'number') return String(value)
    if (shape.Check(value)) return null
    problems.push(wrongShape(instancePath, value, 'string'))
    return undefined
  }
}

/** Returns the reader of a year; `null` where it is absent or says that it is unknown. */
export function compileYear(mapping: Mapping, field: MappedField): YearReader {
  const source = mapping.fields[field]
  if (source === undefined) return () => null
  const instancePath = placeOf(source)
  const valueAt = compileSource(source)
  const isBlank = compileBlankTest(mapping, field)
  return (record, problems) => {
    const value = valueAt(record)
    if (typeof value === 'string' && isBlank(cleanValue(value))) return null
    if (!optionalYear.Check(value)) {
      problems.push(
        Number.isInteger(value)
          ? { code: 'SCHEMA_INVALID', instancePath, params: { reason: 'range', ...years } }
          : wrongShape(instancePath, value, 'integer')
      )
      return null
    }
    return value == null || value < firstYear ? null : value
  }
}

/** Longer texts are not even cleaned: megabytes would keep everything else waiting, and no text shrinks so much. */
export function cleanValue(text: string): string {
  return text.length > maxUncleanedLength ? text : cleanText(text)
}

function wrongShape(instancePath: string, value: unknown, expected: string): Rejection {
  const reason = value == null ? 'missing' : 'type'
  return { code: 'SCHEMA_INVALID', instancePath, params: { reason, expected } }
}

function isDateField(field: MappedField): field is keyof Mapping['dateFormats'] {
  return field === 'birthDate' || field === 'issuedOn' || field === 'validUntil' || field === 'changedAt'
}
