import { pipeline, Readable } from 'node:stream'
import { CsvError, type Options, parse } from 'csv-parse'
import { FileFault } from './file-fault.ts'

export interface CsvLine {
  /** The line of the file at which the record begins. */
  number: number
  cells: string[]
}

export interface CsvOptions {
  maxRecordLength: number
  /** True if a cell is the name of a column. The delimiter that finds most names in one line is used. */
  isColumn: (cell: string) => boolean
  /** The header must be within so many lines, not counting blank ones. */
  headerWithin: number
}

/** Spreadsheets set to Indonesian write semicolons; their format "Unicode text" has tabs. */
const delimiters = [',', ';', '\t', '|']

/** Yields the records of a CSV text as cells, without Excel's first line `sep=;`. @throws FileFault with the line */
export async function* readCsvLines(
  texts: AsyncIterable<string>,
  options: CsvOptions
): AsyncGenerator<CsvLine, void, void> {
  let isFirst = true
  for await (const line of parseLines(texts, options)) {
    if (isFirst && isBlankLine(line)) continue
    if (!isFirst || !isDelimiterLine(line)) yield line
    isFirst = false
  }
}

export function isBlankLine({ cells }: CsvLine): boolean {
  return cells.every(cell => cell.trim() === '')
}

async function* parseLines(
  texts: AsyncIterable<string>,
  { maxRecordLength, isColumn, headerWithin }: CsvOptions
): AsyncGenerator<CsvLine, void, void> {
  const source = unifyBreaks(texts)
  const start = await readStart(source, maxRecordLength, headerWithin)
  let next = 1
  const options: Options<CsvLine, string[]> = {
    delimiter: delimiterOf(start, headerWithin, isColumn),
    record_delimiter: '\n',
    // A quote within a value that begins with another character is part of the value, as in ="3273…".
    relax_quotes: true,
    // The caller checks the number of cells, because it knows which ones are needed.
    relax_column_count: true,
    max_record_size: maxRecordLength,
    on_record(cells, { lines }) {
      const number = next
      next = lines + 1
      return { number, cells }
    }
  }
  // The types of the library allow `on_record` to change records only if the library reads the header.
  const parser = parse(options as unknown as Options)
  pipeline(Readable.from(prepend(start, source)), parser, () => {})
  try {
    yield* parser as AsyncIterable<CsvLine>
  } catch (error) {
    // The parser's own message may quote the line, which is personal data.
    if (error instanceof CsvError) throw csvFault(error, next, maxRecordLength)
    throw error
  }
}

function csvFault({ code }: CsvError, line: number, characters: number): FileFault {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return new FileFault({ line }, 'quoteOpen')
  if (code !== 'CSV_MAX_RECORD_SIZE') return new FileFault({ line }, 'notCsv', { reason: code })
  return new FileFault({ line }, 'recordTooLong', { characters })
}

/** Yields the text with `\n` as the only line break. Files that were joined may contain different ones. */
async function* unifyBreaks(texts: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let held = ''
  for await (const text of texts) {
    const whole = held + text
    // A `\r` at the end may be the first half of a line break.
    held = whole.endsWith('\r') ? '\r' : ''
    yield whole.slice(0, whole.length - held.length).replace(/\r\n?/g, '\n')
  }
  if (held !== '') yield '\n'
}

/** Returns the beginning of the text, with at least so many lines that are not blank. */
async function readStart(
  source: AsyncGenerator<string, void, void>,
  maxLength: number,
  lines: number
): Promise<string> {
  let start = ''
  while (linesOf(start).length <= lines) {
    const { value, done } = await source.next()
    if (done) return start
    start += value
    if (start.length > maxLength) {
      if (linesOf(start).length > 1) return start
      throw new FileFault({ line: 1 }, 'tooLong', { characters: maxLength })
    }
  }
  return start
}

/** Returns the lines that are not blank; the last one may be incomplete. */
function linesOf(text: string): string[] {
  return text.split('\n').filter((line, index, all) => line.trim() !== '' || (index === all.length - 1 && index > 0))
}

async function* prepend(start: string, rest: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  yield start
  yield* rest
}

/** Excel's optional first line, which states the delimiter. */
const delimiterLine = /^"?sep=(.)"?(?:\r|$)/i

/** Returns the delimiter of the whole file: the one with which a line at the start has most columns. */
function delimiterOf(start: string, headerWithin: number, isColumn: (cell: string) => boolean): string {
  const lines = start
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(0, headerWithin)
  const said = delimiterLine.exec((lines[0] ?? '').trimStart())?.[1]
  if (said !== undefined) return said
  const known = (delimiter: string) =>
    Math.max(0, ...lines.map(line => line.split(delimiter).filter(cell => isColumn(cell.replaceAll('"', ''))).length))
  return delimiters.reduce((best, next) => (known(next) > known(best) ? next : best))
}

function isDelimiterLine({ cells: [first = '', ...others] }: CsvLine): boolean {
  return /^\s*sep=.?$/i.test(first) && others.every(cell => cell === '')
}
