import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { holdsIdentityNumber } from '../platform/identity-number.ts'
import { compileBlankTest } from './blank.ts'
import { epochFormats } from './date-format.ts'
import { compileSource, placeOf } from './field-source.ts'
import type { MappedField, Mapping } from './mapping.ts'
import { cleanText, isCleanWords } from './text.ts'
import type { Rejection } from './types.ts'

/** Longer texts are errors, and would not fit into an index entry of the database. */
const maxLength = 400
const maxUncleanedLength = 100 * maxLength
/** Replaces a letter that another program could not decode, or half of a character. It would overwrite a correct value. */
const replacementCharacter = '\ufffd'
const years = { minimum: 0, maximum: 2100 }

const requiredText = Compile(Type.String())
const optionalText = Compile(Type.Union([Type.String(), Type.Null(), Type.Undefined()]))
const optionalYear = Compile(Type.Union([Type.Integer(years), Type.Null(), Type.Undefined()]))

/** Earlier years, such as 0, mean "unknown" in many sources. */
const firstYear = 1900

/**
 * Reads one field and adds problems of its form: returns the cleaned text, `''` if it has no content, `null` if it is
 * absent, `undefined` if it was rejected.
 */
export type TextReader = (record: object, problems: Rejection[]) => string | null | undefined
export type YearReader = (record: object, problems: Rejection[]) => number | null

/**
 * Fields in which a long number is not a fault. The NIK and the STR are such numbers themselves. Dates are stored as dates,
 * never as text, and a time with microseconds has as many digits as a NIK.
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
 * Returns the reader of a text field; a field that the mapping does not describe is always absent. A required text that is
 * absent or `null` is rejected. So is a text with an identity number, which would be stored in clear and sent to Odoo, and a
 * text that another program has damaged.
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

/** Returns the reader of a year; `null` if it is absent or unknown. */
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

/** Longer texts are not cleaned: megabytes would block all other work, and cleaning never shortens a text so much. */
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
