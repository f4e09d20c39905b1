import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { findFormatFault, findTableFault } from '../transform/check-tables.ts'
import { Dates, dateFields, fieldNames, type MappedField, type Mapping, requiredFields } from '../transform/mapping.ts'
import { Tables } from '../transform/tables.ts'
import { DescriptionFault } from './check-description.ts'

const closed = { additionalProperties: false }

const Column = Type.String({
  pattern: '^/([^~/]|~[01])+$',
  maxLength: 200,
  description:
    'a slash and the name of a column, such as /Nama Lengkap; ~1 means a slash in the name. Under a heading of several columns: /STR Nomor'
})

const FileSection = Type.Object(
  {
    sheet: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 31,
        description: 'the sheet of a workbook; without it the first visible one that has all columns'
      })
    ),
    headerRow: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'the first row of the header; by default the first row that has all columns'
      })
    ),
    encoding: Type.Optional(
      Type.String({ minLength: 1, maxLength: 50, description: 'encoding of CSV and JSON lines that are not UTF-8' })
    )
  },
  { ...closed, description: 'the place of the rows in a file; all members are optional' }
)

/** The schema of a description of files: it has the place of the rows instead of the requests to an API. */
export const FileDescriptionSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    file: FileSection,
    fields: Type.Object(
      Object.fromEntries(
        fieldNames.map(name => [name, requiredFields.includes(name) ? Column : Type.Optional(Column)])
      ) as Record<MappedField, typeof Column>,
      { ...closed, description: 'the column of each field; each column must be in the file' }
    ),
    dates: Dates,
    tables: Type.Optional(
      Type.Partial(Tables, { ...closed, description: 'a missing table is that of contracts/sources/kki.json' })
    )
  },
  { ...closed, title: 'Files of health workers: the place of their rows, and the meaning of their columns' }
)

type FileDescriptionFile = Static<typeof FileDescriptionSchema>

/** A loaded description of files: checked, and with every table. */
export interface FileDescription {
  file: Static<typeof FileSection>
  /** By field; fields that the files lack are absent. */
  columns: Partial<Record<MappedField, string>>
  dates: Static<typeof Dates>
  tables: Tables
}

export const fileDescriptionShape = Compile(FileDescriptionSchema)

/** Returns the description from parsed JSON of the right shape. @throws DescriptionFault for the first fault */
export function completeFileDescription(json: FileDescriptionFile, defaults: Tables): FileDescription {
  const tables = { ...defaults, ...json.tables }
  const fields = json.fields as Partial<Record<MappedField, string>>
  for (const name of dateFields) {
    const path = `/dates/formats/${name}`
    const formats = json.dates.formats[name]
    if (fields[name] !== undefined && formats === undefined) fail(path, 'is required: the field is described')
    if (fields[name] === undefined && formats !== undefined) fail(path, 'has no effect: the field is not described')
    const fault = findFormatFault(withCells(name, formats ?? []))
    if (fault) fail(path, fault.reason)
  }
  const seen = new Set<string>()
  for (const [name, pointer] of Object.entries(fields)) {
    if (seen.has(pointer)) fail(`/fields/${name}`, 'another field has the same column')
    seen.add(pointer)
  }
  const table = findTableFault(tables)
  if (table) fail(`/tables${table.path}`, table.reason)
  const columns = Object.entries(fields).map(([name, pointer]) => [
    name,
    pointer.slice(1).replaceAll('~1', '/').replaceAll('~0', '~')
  ])
  return { file: json.file, columns: Object.fromEntries(columns), dates: json.dates, tables }
}

function fail(path: string, expected: string): never {
  throw new DescriptionFault(path, expected)
}

/** The format in which date cells are read, regardless of their display format. */
const cellFormats = { day: 'YYYY-MM-DD', time: 'YYYY-MM-DD HH:mm:ss' }

function withCells(name: (typeof dateFields)[number], formats: readonly string[]): string[] {
  const own = name === 'changedAt' ? [cellFormats.day, cellFormats.time] : [cellFormats.day]
  return [...new Set([...own, ...formats])]
}

/**
 * Returns the settings for the transform of rows of a file (`transform/row-reader.ts`). Without a column of stamps, the
 * file's time counts.
 */
export function mappingOfFile({ columns, dates, tables }: FileDescription): Mapping {
  const places = Object.entries(columns).map(([name, column]) => [
    name,
    `/columns/${column.replaceAll('~', '~0').replaceAll('/', '~1')}`
  ])
  const described = dateFields.filter(name => columns[name] !== undefined)
  const formats = described.map(name => [name, withCells(name, dates.formats[name] ?? [])])
  return {
    ...tables,
    fields: Object.fromEntries(places),
    dateFormats: Object.fromEntries(formats),
    dateZone: dates.zone
  }
}
