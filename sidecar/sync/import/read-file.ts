import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { CsvError, type Info, parse } from 'csv-parse'
import { SdmkError } from '../../errors.ts'
import { ownColumns } from '../../transform/own-person.ts'

export type ImportFormat = 'csv' | 'jsonl'

/** The file cannot be read as what it is said to be; nothing of it was taken in. */
export class ImportFileInvalid extends SdmkError {
  readonly code = 'IMPORT_FILE_INVALID'

  constructor(place: string, reason: string, options?: ErrorOptions) {
    super(`${place}: ${reason}; nothing was imported`, options)
  }
}

/** A longer line or record is a file of another kind. */
const maxRecordBytes = 1_048_576
const columns = Object.keys(ownColumns)
/** Spreadsheets set to Indonesian write semicolons. */
const delimiters = [',', ';', '\t']

/** Returns the format that a file's name says. @throws ImportFileInvalid */
export function formatOf(file: string): ImportFormat {
  if (/\.(csv|tsv)$/i.test(file)) return 'csv'
  if (/\.(jsonl|ndjson)$/i.test(file)) return 'jsonl'
  throw new ImportFileInvalid('its name', 'ends neither with .csv nor with .jsonl; say the format')
}

/**
 * Yields the records of a file in order: of CSV an object by the header's columns, a number where a year stands; of JSON
 * lines what each line says, or its text where that is no JSON. @throws ImportFileInvalid naming line and column
 */
export async function* readRecords(file: string, format: ImportFormat): AsyncGenerator<unknown, void, void> {
  const source = createReadStream(file)
  try {
    yield* format === 'csv' ? readCsv(source) : readJsonLines(source)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    throw new ImportFileInvalid('the file', `cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      cause: error
    })
  } finally {
    source.destroy()
  }
}

async function* readCsv(source: NodeJS.ReadableStream): AsyncGenerator<unknown, void, void> {
  const parser = source.pipe(
    parse({
      columns: checkHeader,
      bom: true,
      delimiter: delimiters,
      skip_empty_lines: true,
      max_record_size: maxRecordBytes,
      info: true
    })
  )
  source.once('error', error => parser.destroy(error))
  try {
    for await (const { record } of parser as AsyncIterable<{ record: Record<string, string>; info: Info }>) {
      const year = record.tahun_lulus?.trim() ?? ''
      yield /^\d+$/.test(year) ? { ...record, tahun_lulus: Number(year) } : record
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const { lines, column } = error as CsvError & { lines?: number; column?: number | string }
    // The parser's own message may quote the line, which is personal data.
    throw new ImportFileInvalid(
      `line ${lines ?? '?'}${column === undefined ? '' : `, column ${column}`}`,
      csvFault(error)
    )
  }
}

function csvFault({ code }: CsvError): string {
  if (code === 'CSV_RECORD_INCONSISTENT_COLUMNS') return 'has another number of columns than the header'
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote is not closed'
  if (code === 'CSV_MAX_RECORD_SIZE') return `a record is longer than ${maxRecordBytes} bytes`
  return `is not CSV (${code})`
}

function checkHeader(header: string[]): string[] {
  const names = header.map(name => name.trim().toLowerCase())
  for (const [index, name] of names.entries()) {
    if (!columns.includes(name)) {
      throw new ImportFileInvalid(`line 1, column ${index + 1}`, `is none of ${columns.join(', ')}`)
    }
    if (names.indexOf(name) !== index)
      throw new ImportFileInvalid(`line 1, column ${index + 1}`, `is "${name}" a second time`)
  }
  if (!names.includes('nama')) throw new ImportFileInvalid('line 1', 'has no column "nama"')
  return names
}

async function* readJsonLines(source: NodeJS.ReadableStream): AsyncGenerator<unknown, void, void> {
  const lines = createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY })
  let number = 0
  for await (const line of lines) {
    number += 1
    if (line.length > maxRecordBytes)
      throw new ImportFileInvalid(`line ${number}`, `is longer than ${maxRecordBytes} characters`)
    if (line.trim() === '') continue
    yield parseLine(number === 1 ? line.replace(/^\uFEFF/, '') : line)
  }
}

/** A line that is no JSON becomes a refused row like any other that is no object. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return line
  }
}
