import type { RejectionCode } from '../../transform/codes.ts'
import { compileDayReader, compileInstantReader } from '../../transform/dates.ts'
import { compileSource, placeOf, pointersOf } from '../../transform/field-source.ts'
import type { MappedField } from '../../transform/mapping.ts'
import { nikFault } from '../../transform/nik.ts'
import { createTransform } from '../../transform/transform.ts'
import type { Rejection, TransformContext } from '../../transform/types.ts'
import type { SourceDescription } from '../description.ts'
import { mappingOf } from '../load.ts'
import { suggestFormats } from './date-formats.ts'
import { showableWords } from './mask.ts'
import { isObject, leavesOf, printablePointer, withoutIndexes } from './shape.ts'

/** The results for one field in the sampled rows. */
export interface FieldReport {
  field: MappedField
  /** The place of its value, or of the list that contains it. */
  at: string
  /** The numbers of rows with a readable value, without a value, and with an unreadable value. */
  readable: number
  empty: number
  unreadable: number
  /** The reasons for unreadable values, with the numbers of rows. */
  reasons: Record<string, number>
  /** Words that are in no table and may be shown, the most frequent first; `hiddenWords` counts the other ones. */
  unknownWords: { word: string; rows: number }[]
  hiddenWords: number
  /** Formats for the values that no described format reads. */
  formats: string[] | null
}

/** Why rows would be rejected. */
export interface RejectionReport {
  code: RejectionCode
  field: MappedField | null
  reason: string
  rows: number
}

/** Findings in the sampled rows. It contains no name and no number of a person. */
export interface RowsReport {
  rows: number
  accepted: number
  rejections: RejectionReport[]
  fields: FieldReport[]
  /** Places that no field reads, with the number of rows that have a value there. */
  unmapped: { at: string; filled: number }[]
  /** Rows with an STR number and with a NIK, and those with a valid one. */
  str: { present: number; valid: number }
  nik: { present: number; valid: number }
  /** Rows whose NIK has another birth date, and those among them with day and month exchanged. */
  birthDates: { compared: number; differ: number; exchanged: number }
  /** Rows with a NIK or an STR number as a JSON number, whose last digits may be lost. */
  inexact: { nik: number; strNumber: number }
  /** Rows whose time of change is in the future, and the largest difference in hours, rounded up. */
  future: { rows: number; hours: number }
}

const mostWords = 20
const mostUnmapped = 100
const wordFields: readonly MappedField[] = ['status', 'sex', 'profession']
const dateFields = ['birthDate', 'issuedOn', 'validUntil', 'changedAt'] as const

/** The field of a code, if several fields may have the same place. */
const fieldOfCode: Partial<Record<RejectionCode, readonly MappedField[]>> = {
  STR_INVALID: ['strNumber'],
  NIK_INVALID: ['nik'],
  NAME_MISSING: ['name'],
  STATUS_UNKNOWN: ['status'],
  PROFESSION_UNKNOWN: ['profession'],
  DATE_INVALID: dateFields
}

interface Column {
  field: MappedField
  at: string
  values: unknown[]
  problems: { row: number; problem: Rejection }[]
}

/** Returns the findings of rows about a description, without values of the rows, except words from a short list. */
export function analyseRows(
  rows: readonly unknown[],
  description: SourceDescription,
  context: TransformContext
): RowsReport {
  const columns = Object.entries(description.fields).map(
    ([field, source]): Column => ({
      field: field as MappedField,
      at: placeOf(source),
      values: rows.map(compileSource(source)),
      problems: []
    })
  )
  const rejected = sortProblems(rows, description, context, columns)
  const fields = columns.map(column => reportField(column, description))
  const count = (field: MappedField) => fields.find(one => one.field === field)
  const share = (field: MappedField) => {
    const { readable = 0, unreadable = 0 } = count(field) ?? {}
    return { present: readable + unreadable, valid: readable }
  }
  return {
    rows: rows.length,
    accepted: rows.length - rejected.rows,
    rejections: rejected.reports,
    fields,
    unmapped: findUnmapped(rows, description),
    str: share('strNumber'),
    nik: share('nik'),
    birthDates: compareBirthDates(columns, description),
    inexact: { nik: countNumbers(columns, 'nik'), strNumber: countNumbers(columns, 'strNumber') },
    future: findFuture(columns, description, context)
  }
}

/** Transforms the rows, adds each problem to its column, and counts the rows that would be rejected. */
function sortProblems(
  rows: readonly unknown[],
  description: SourceDescription,
  context: TransformContext,
  columns: readonly Column[]
): { rows: number; reports: RejectionReport[] } {
  const transform = createTransform(mappingOf(description))
  const reports = new Map<string, RejectionReport>()
  let rejected = 0
  for (const [row, record] of rows.entries()) {
    const result = transform(record, context)
    if (!result.ok) rejected += 1
    for (const problem of result.ok ? result.value.problems : result.rejections) {
      const column = columns.find(({ field, at }) => isAbout(problem, field, at))
      column?.problems.push({ row, problem })
      const reason = String(problem.params.reason ?? '')
      const field = column?.field ?? null
      const key = `${problem.code} ${field} ${reason}`
      const report = reports.get(key) ?? { code: problem.code, field, reason, rows: 0 }
      report.rows += 1
      reports.set(key, report)
    }
  }
  return { rows: rejected, reports: [...reports.values()].sort((a, b) => b.rows - a.rows) }
}

function isAbout({ code, instancePath }: Rejection, field: MappedField, at: string): boolean {
  return instancePath === at && (fieldOfCode[code]?.includes(field) ?? true)
}

function reportField({ field, at, values, problems }: Column, description: SourceDescription): FieldReport {
  const reasons: Record<string, number> = {}
  const unreadableRows = new Set<number>()
  for (const { row, problem } of problems) {
    if (isSilent(values[row])) continue
    unreadableRows.add(row)
    const reason = String(problem.params.reason ?? '')
    reasons[reason] = (reasons[reason] ?? 0) + 1
  }
  const bad = [...unreadableRows].map(row => values[row])
  const filled = values.filter(value => !isSilent(value))
  const words = wordFields.includes(field) ? countWords(bad, filled) : { unknownWords: [], hiddenWords: 0 }
  const isDate = (dateFields as readonly MappedField[]).includes(field)
  return {
    field,
    at: printablePointer(at),
    readable: filled.length - unreadableRows.size,
    empty: values.length - filled.length,
    unreadable: unreadableRows.size,
    reasons,
    ...words,
    formats: isDate && bad.length > 0 ? (suggestFormats(bad, description.tables.monthNames)?.formats ?? null) : null
  }
}

function countWords(bad: readonly unknown[], column: readonly unknown[]) {
  const showable = showableWords(column)
  const counts = new Map<string, number>()
  const hidden = new Set<unknown>()
  for (const value of bad) {
    if (typeof value === 'string' && showable.has(value)) counts.set(value, (counts.get(value) ?? 0) + 1)
    else hidden.add(value)
  }
  const unknownWords = [...counts].map(([word, rows]) => ({ word, rows })).sort((a, b) => b.rows - a.rows)
  return { unknownWords: unknownWords.slice(0, mostWords), hiddenWords: hidden.size }
}

function findUnmapped(rows: readonly unknown[], { fields, answer }: SourceDescription): RowsReport['unmapped'] {
  const read = new Set(Object.values(fields).flatMap(pointersOf).map(withoutIndexes))
  for (const source of Object.values(fields)) {
    if (typeof source === 'object' && 'list' in source) read.add(withoutIndexes(source.list))
  }
  if (answer.registrations?.where) {
    for (const at of Object.keys(answer.registrations.where)) read.add(withoutIndexes(answer.registrations.list + at))
  }
  return leavesOf(rows.filter(isObject))
    .filter(({ pointer }) => !read.has(withoutIndexes(pointer)))
    .map(({ pointer, values }) => ({ at: printablePointer(pointer), filled: values.length }))
    .slice(0, mostUnmapped)
}

function columnOf(columns: readonly Column[], field: MappedField): unknown[] {
  return columns.find(column => column.field === field)?.values ?? []
}

function countNumbers(columns: readonly Column[], field: MappedField): number {
  return columnOf(columns, field).filter(value => typeof value === 'number').length
}

/** A NIK contains the birth date too, which reveals a date with day and month exchanged. */
function compareBirthDates(columns: readonly Column[], { dates, tables }: SourceDescription): RowsReport['birthDates'] {
  const read = compileDayReader(dates.formats.birthDate ?? [], tables.monthNames, dates.zone)
  const days = columnOf(columns, 'birthDate')
  const report = { compared: 0, differ: 0, exchanged: 0 }
  for (const [row, nik] of columnOf(columns, 'nik').entries()) {
    const value = days[row]
    const day = typeof value === 'string' ? read(value.trim()) : null
    if (day === null || typeof nik !== 'string' || nikFault(nik.trim()) !== null) continue
    const told = birthDayOf(nik.trim())
    report.compared += 1
    if (told === day.slice(2)) continue
    report.differ += 1
    if (told === `${day.slice(2, 4)}-${day.slice(8)}-${day.slice(5, 7)}`) report.exchanged += 1
  }
  return report
}

/** Returns the day of birth in a NIK as YY-MM-DD. */
function birthDayOf(nik: string): string {
  const day = Number(nik.slice(6, 8))
  return `${nik.slice(10, 12)}-${nik.slice(8, 10)}-${String(day > 40 ? day - 40 : day).padStart(2, '0')}`
}

function findFuture(
  columns: readonly Column[],
  { dates, tables }: SourceDescription,
  { sourceNow, maxSkewMs }: TransformContext
): RowsReport['future'] {
  const read = compileInstantReader(dates.formats.changedAt ?? [], tables.monthNames, dates.zone)
  const report = { rows: 0, hours: 0 }
  for (const value of columnOf(columns, 'changedAt')) {
    const ms = typeof value === 'string' || typeof value === 'number' ? read(String(value).trim()) : null
    if (ms === null || ms <= sourceNow + maxSkewMs) continue
    report.rows += 1
    report.hours = Math.max(report.hours, Math.ceil((ms - sourceNow) / 3_600_000))
  }
  return report
}

function isSilent(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
}
