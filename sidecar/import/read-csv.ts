import { pipeline, Readable } from 'node:stream'
import { CsvError, type Options, parse } from 'csv-parse'
import { ownColumns } from '../transform/own-person.ts'
import { foldWord } from '../transform/text.ts'
import { FileFault } from './file-fault.ts'

interface Line {
  /** Of the file, where the record begins. */
  number: number
  cells: string[]
}

/** A name of `null` is that of a column without one, which spreadsheets write for cells that were emptied. */
type Header = (string | null)[]

const columns = Object.keys(ownColumns)
/** Spreadsheets set to Indonesian write semicolons, and their "Unicode text" tabs. */
const delimiters = [',', ';', '\t', '|']

/**
 * Yields the records of a CSV text: objects by the columns of the header, which also decides the delimiter. A blank line
 * is no record. @throws FileFault naming line and column
 */
export async function* readCsv(
  texts: AsyncIterable<string>,
  maxRecordLength: number
): AsyncGenerator<Record<string, unknown>, void, void> {
  let header: Header | null = null
  const niks = new NikEndings()
  for await (const line of readLines(texts, maxRecordLength)) {
    if (line.cells.every(cell => cell.trim() === '')) continue
    if (header !== null) {
      const record = recordOf(line, header)
      niks.add(record.nik)
      yield record
    } else if (!isDelimiterLine(line)) header = headerOf(line)
  }
  niks.check()
}

async function* readLines(texts: AsyncIterable<string>, maxRecordLength: number): AsyncGenerator<Line, void, void> {
  const source = unifyBreaks(texts)
  const start = await readStart(source, maxRecordLength)
  let next = 1
  const options: Options<Line, string[]> = {
    delimiter: delimiterOf(start),
    record_delimiter: '\n',
    // A quote within a value that does not begin with one is part of it, as in ="3273…".
    relax_quotes: true,
    // Counted by `recordOf`, which knows which cells matter.
    relax_column_count: true,
    max_record_size: maxRecordLength,
    on_record(cells, { lines }) {
      const number = next
      next = lines + 1
      return { number, cells }
    }
  }
  // Its types know of changed records only where the library reads the header.
  const parser = parse(options as unknown as Options)
  pipeline(Readable.from(prepend(start, source)), parser, () => {})
  try {
    yield* parser as AsyncIterable<Line>
  } catch (error) {
    // The parser's own message may quote the line, which is personal data.
    if (error instanceof CsvError) throw new FileFault(`line ${next}`, csvFault(error, maxRecordLength))
    throw error
  }
}

function csvFault({ code }: CsvError, maxRecordLength: number): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote that opens here is not closed'
  if (code !== 'CSV_MAX_RECORD_SIZE') return `is not CSV (${code})`
  return `a record that begins here is longer than ${maxRecordLength} characters; a quote may not be closed`
}

/** Yields the text with line feeds alone: files that were put together have line breaks of several systems. */
async function* unifyBreaks(texts: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let held = ''
  for await (const text of texts) {
    const whole = held + text
    // It may be the first half of a line break.
    held = whole.endsWith('\r') ? '\r' : ''
    yield whole.slice(0, whole.length - held.length).replace(/\r\n?/g, '\n')
  }
  if (held !== '') yield '\n'
}

/** Returns the text up to and including the first line that is not blank, and what came with it. */
async function readStart(source: AsyncGenerator<string, void, void>, maxLength: number): Promise<string> {
  let start = ''
  while (!start.trimStart().includes('\n')) {
    const { value, done } = await source.next()
    if (done) return start
    start += value
    if (start.length > maxLength) throw new FileFault('line 1', `is longer than ${maxLength} characters`)
  }
  return start
}

async function* prepend(start: string, rest: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  yield start
  yield* rest
}

/** Excel's own first line, by which a file says its delimiter. */
const delimiterLine = /^"?sep=(.)"?(?:\r|$)/i

/** One delimiter for the whole file: the one by which the header has most columns. */
function delimiterOf(start: string): string {
  const header = start.split('\n').find(line => line.trim() !== '') ?? ''
  const said = delimiterLine.exec(header.trimStart())?.[1]
  if (said !== undefined) return said
  const known = (delimiter: string) =>
    header.split(delimiter).filter(cell => columns.includes(nameOf(cell.replaceAll('"', '')))).length
  return delimiters.reduce((best, next) => (known(next) > known(best) ? next : best))
}

function isDelimiterLine({ cells: [first = '', ...others] }: Line): boolean {
  return /^\s*sep=.?$/i.test(first) && others.every(cell => cell === '')
}

function nameOf(cell: string): string {
  return foldWord(cell.trim()).toLowerCase()
}

function headerOf({ number, cells }: Line): Header {
  const names = cells.map(cell => nameOf(cell) || null)
  for (const [index, name] of names.entries()) {
    const place = `line ${number}, column ${index + 1}`
    // Its text is not repeated: in a file without a header it is somebody's.
    if (name !== null && !columns.includes(name)) {
      throw new FileFault(place, `the header names a column that is none of ${columns.join(', ')}`)
    }
    if (name !== null && names.indexOf(name) !== index)
      throw new FileFault(place, `the header names "${name}" a second time`)
  }
  if (!names.includes('nama')) throw new FileFault(`line ${number}`, 'the header has no column "nama"')
  return names
}

function recordOf({ number, cells }: Line, header: Header): Record<string, unknown> {
  if (cells.length < header.length) {
    // Not taken for blank cells: a line break in a value without quotes looks the same.
    throw new FileFault(`line ${number}`, `has ${cells.length} values, and the header has ${header.length} columns`)
  }
  const record: Record<string, unknown> = {}
  for (const [index, cell] of cells.entries()) {
    const name = header[index] ?? null
    if (name === null) {
      if (cell.trim() === '') continue
      const reason = `has a value without a column in the header, which has ${header.length}; a value that holds the delimiter needs quotes`
      throw new FileFault(`line ${number}, column ${index + 1}`, reason)
    }
    if (cell.startsWith('"') && cell.includes('\n')) {
      throw new FileFault(`line ${number}, column "${name}"`, 'a quote that opens here is not closed')
    }
    const text = textOf(cell)
    record[name] = name === 'tahun_lulus' && /^\d+$/.test(text) ? Number(text) : text
  }
  return record
}

/** What people write so that a spreadsheet leaves digits alone: a formula `="3273…"`, or an apostrophe. */
function textOf(cell: string): string {
  const text = cell.trim()
  const formula = /^="(.*)"$/s.exec(text)?.[1]?.replaceAll('""', '"') ?? text
  return formula.replace(/^['‘’`](?=\d)/, '')
}

/** Fewer could all end so by chance. */
const fewestNiks = 10

/** Spreadsheets keep 15 digits of a number. A NIK that was one ends with 0 then, and may be that of somebody else. */
class NikEndings {
  #niks = 0
  #zeros = 0

  add(nik: unknown): void {
    if (typeof nik !== 'string' || !/^\d{16}$/.test(nik)) return
    this.#niks++
    if (nik.endsWith('0')) this.#zeros++
  }

  check(): void {
    if (this.#niks >= fewestNiks && this.#zeros === this.#niks) {
      throw new FileFault(
        'column "nik"',
        'every NIK ends with 0: a spreadsheet has rounded them; format that column as text'
      )
    }
  }
}
