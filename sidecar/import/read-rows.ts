import type { FileHandle } from 'node:fs/promises'
import { decodeText } from '../platform/strict-text.ts'
import type { FileDescription } from '../source/file-description.ts'
import type { MappedField } from '../transform/mapping.ts'
import { type Cell, isBlankCell, NikEndings, plainText, type TableRow } from './cells.ts'
import { readCsvLines } from './csv-lines.ts'
import { chunksOf } from './file-chunks.ts'
import { FileFault } from './file-fault.ts'
import { findHeader, foldName, type Header, lackingIn } from './find-header.ts'
import { checkWidth } from './read-csv.ts'
import { maxRecordLength, readJsonLines } from './read-file.ts'
import { openWorkbook, type Sheet } from './read-xlsx.ts'

export const fileFormats = ['xlsx', 'csv', 'jsonl'] as const
export type FileFormat = (typeof fileFormats)[number]

/** A row of a file: the values of the described columns, and its row number or line. */
export interface ReadRow {
  columns: unknown
  fileRow: number
}

/** Counts of skipped rows: blank ones, totals, and rows of professions that the setting excludes. */
export interface PassedOver {
  blank: number
  totals: number
  otherProfessions: number
}

export function nothingPassedOver(): PassedOver {
  return { blank: 0, totals: 0, otherProfessions: 0 }
}

export interface ReadOptions {
  format: FileFormat
  description: FileDescription
  // `sheet`, `headerRow` and `encoding` override the description.
  sheet?: string | undefined
  headerRow?: number | undefined
  encoding?: string | undefined
  passedOver: PassedOver
  signal?: AbortSignal | undefined
}

/** Many lists have titles and notes above the header. */
const headerWithin = 50

/** Yields the rows of a file in order, as a stream. @throws FileFault, TextUnreadable, the signal's reason */
export async function* readRows(file: FileHandle, options: ReadOptions): AsyncGenerator<ReadRow, void, void> {
  const niks = new NikEndings()
  const nikColumn = options.description.columns.nik
  for await (const row of readFormat(file, options)) {
    options.signal?.throwIfAborted()
    if (nikColumn !== undefined) niks.add((row.columns as Record<string, unknown> | null)?.[nikColumn])
    yield row
  }
  if (nikColumn !== undefined && niks.areRounded) {
    throw new FileFault({ column: nikColumn }, 'niksRounded')
  }
}

function readFormat(file: FileHandle, options: ReadOptions): AsyncGenerator<ReadRow, void, void> {
  if (options.format === 'xlsx') return readWorkbook(file, options)
  const texts = decodeText(chunksOf(file), options.encoding ?? options.description.file.encoding)
  return options.format === 'csv' ? readCsv(texts, options) : readJson(texts, options)
}

async function* readJson(texts: AsyncIterable<string>, { description }: ReadOptions) {
  const kinds = kindsOf(description)
  let fileRow = 0
  for await (const { line, value } of readJsonLines(texts)) {
    fileRow = line
    if (typeof value !== 'object' || value === null || Array.isArray(value)) yield { columns: value, fileRow }
    else {
      const columns: Record<string, unknown> = {}
      for (const [column, kind] of kinds) {
        const given = Object.hasOwn(value, column) ? (value as Record<string, unknown>)[column] : undefined
        if (given != null)
          columns[column] = typeof given === 'object' ? given : readable(given as string | number | boolean, kind, 0)
      }
      yield { columns, fileRow }
    }
  }
}

async function* readCsv(texts: AsyncIterable<string>, options: ReadOptions) {
  const names = new Set(Object.values(options.description.columns).map(foldName))
  const isColumn = (cell: string) => names.has(foldName(cell))
  const lines = readCsvLines(texts, { maxRecordLength, isColumn, headerWithin })
  const check = ({ number, cells }: TableRow, { names, width }: Header) =>
    checkWidth({ number, cells: cells as string[] }, width, index =>
      index < width ? (names.get(index) ?? `${index + 1}`) : null
    )
  yield* readTable(lines, { ...options, dayOffset: 0, check })
}

async function* readWorkbook(file: FileHandle, options: ReadOptions) {
  const workbook = await openWorkbook(file.fd, options.signal)
  try {
    const sheet = await chooseSheet(workbook.sheets, options)
    yield* readTable(sheet.rows(), { ...options, dayOffset: workbook.dayOffset })
  } finally {
    await workbook.close()
  }
}

/** Returns the named sheet, or the first visible one with all columns. If none has them, errors are about the first one. */
async function chooseSheet(sheets: readonly Sheet[], options: ReadOptions): Promise<Sheet> {
  const named = options.sheet ?? options.description.file.sheet
  if (named !== undefined) {
    const found = sheets.find(({ name }) => foldName(name) === foldName(named))
    if (found === undefined) throw new FileFault({}, 'sheetMissing', { sheet: named })
    return found
  }
  const visible = sheets.filter(({ isHidden }) => !isHidden)
  const [first] = visible
  if (first === undefined) throw new FileFault({}, 'noVisibleSheet')
  for (const sheet of visible) {
    if (await hasHeader(sheet, options)) return sheet
  }
  return first
}

async function hasHeader(sheet: Sheet, options: ReadOptions): Promise<boolean> {
  try {
    for await (const _ of readTable(sheet.rows(), { ...options, passedOver: nothingPassedOver(), dayOffset: 0 })) {
      return true
    }
    return true
  } catch (error) {
    if (error instanceof HeaderMissing) return false
    throw error
  }
}

class HeaderMissing extends FileFault {}

interface TableOptions extends ReadOptions {
  dayOffset: number
  /** Checks a row that has data of a person. */
  check?: (row: TableRow, header: Header) => void
}

async function* readTable(rows: AsyncGenerator<TableRow, void, void>, options: TableOptions) {
  const { description, passedOver, dayOffset, check } = options
  const kinds = kindsOf(description)
  const { header, first } = await readHeader(rows, options)
  const read = function* (row: TableRow): Generator<ReadRow> {
    const { cells } = row
    const filled = [...header.names.keys()].filter(index => !isBlankCell(cells[index])).length
    if (filled === 0) passedOver.blank++
    else if (filled < fewestFilled && isTotal(row)) passedOver.totals++
    else {
      check?.(row, header)
      const columns: Record<string, unknown> = {}
      for (const [index, name] of header.names) {
        const cell = cells[index]
        if (cell != null) columns[name] = readable(cell, kinds.get(name) as Kind, dayOffset)
      }
      yield { columns, fileRow: row.number }
    }
  }
  for (const row of first) yield* read(row)
  for await (const row of rows) yield* read(row)
}

/** Reads the header, and returns it with the rows below it that were read to find it. @throws HeaderMissing, FileFault */
async function readHeader(rows: AsyncGenerator<TableRow, void, void>, options: TableOptions) {
  const columns = Object.values(options.description.columns)
  const at = options.headerRow ?? options.description.file.headerRow
  const waiting: TableRow[] = []
  const take = async (count: number) => {
    while (waiting.length < count) {
      const next = await rows.next()
      if (next.done) return
      if (!next.value.cells.every(isBlankCell) && next.value.number >= (at ?? 0)) waiting.push(next.value)
    }
  }
  let closest: { row: number; lacking: string[] } | null = null
  for (let tried = 0; tried < headerWithin; tried++) {
    await take(2)
    const [first, second] = waiting
    if (first === undefined || (at !== undefined && first.number !== at)) break
    const header = findHeader(waiting, columns)
    if (header !== null) {
      const isOfTwo = second !== undefined && findHeader([first], columns) === null
      return { header, first: waiting.slice(isOfTwo ? 2 : 1) }
    }
    const lacking = lackingIn(waiting, columns)
    if (lacking.length < (closest?.lacking.length ?? columns.length)) closest = { row: first.number, lacking }
    if (at !== undefined) break
    waiting.shift()
  }
  const told = closest ? { closest: closest.row, columns: list(closest.lacking) } : { columns: list(columns) }
  if (at !== undefined) throw new HeaderMissing({}, 'headerElsewhere', { row: at, ...told })
  throw new HeaderMissing({}, 'headerMissing', { rows: headerWithin, ...told })
}

function list(names: readonly string[]): string {
  return names.map(name => `"${name}"`).join(', ')
}

/** A row of a person has at least STR, name, profession and status. */
const fewestFilled = 4

/** True for a total below a list: `Jumlah`, `Total`, `Sub Total`. */
function isTotal({ cells }: TableRow): boolean {
  const first = cells.find(cell => !isBlankCell(cell))
  return typeof first === 'string' && /^(?:grand[ -]?|sub[ -]?)?(?:total|jumlah)\b/i.test(first.trim())
}

type Kind = 'identifier' | 'date' | 'year' | 'text'

const kindOfField: Partial<Record<MappedField, Kind>> = {
  strNumber: 'identifier',
  nik: 'identifier',
  birthDate: 'date',
  issuedOn: 'date',
  validUntil: 'date',
  changedAt: 'date',
  graduationYear: 'year'
}

function kindsOf({ columns }: FileDescription): Map<string, Kind> {
  return new Map(
    Object.entries(columns).map(([field, column]) => [column, kindOfField[field as MappedField] ?? 'text'])
  )
}

/** The smallest number with 16 digits. Spreadsheets keep only 15. */
const firstRounded = 1e15
/** Serial numbers of dates from 1927 to 9999. A smaller number in a column of dates may be a year. */
const serials = { first: 10_000, last: 2_958_465 }

/** Returns a cell in the form that the transform reads. The transform rejects a row with a value of the wrong type. */
function readable(cell: Exclude<Cell, null>, kind: Kind, dayOffset: number): unknown {
  if (typeof cell === 'string') {
    const text = plainText(cell)
    return kind === 'year' && /^\d+$/.test(text) ? Number(text) : text
  }
  if (typeof cell === 'boolean') return cell
  if (typeof cell === 'object') {
    if ('fault' in cell) return cell
    if (kind !== 'identifier') return serialText(cell.serial)
    return identifierOf(cell.serial)
  }
  if (kind === 'identifier') return identifierOf(cell)
  if (kind === 'year') return cell
  const day = cell + dayOffset
  if (kind === 'date' && day >= serials.first && day < serials.last + 1) return serialText(day)
  return String(cell)
}

/**
 * Returns an identifier that a file stores as a number, so that its row is rejected: a number has lost its leading zeros. A
 * rounded number is returned as `3.27…E+15`, so that the reason shows it.
 */
function identifierOf(number: number): unknown {
  return Math.abs(number) >= firstRounded ? number.toExponential().toUpperCase() : number
}

/** Spreadsheets count 29 February 1900 as day 60, but that day never existed. So this origin is right from day 61 on. */
const dayZero = Date.UTC(1899, 11, 30)

/** Returns the date of a serial number, with its time of day if it has one, without a time zone, as the cell shows it. */
function serialText(serial: number): string {
  if (!(serial >= 61 && serial < serials.last + 1)) return String(serial)
  const text = new Date(dayZero + Math.round(serial * 86_400) * 1000).toISOString()
  return Number.isInteger(serial) ? text.slice(0, 10) : text.slice(0, 19).replace('T', ' ')
}
