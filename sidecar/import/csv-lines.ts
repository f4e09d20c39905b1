import { pipeline, Readable } from 'node:stream'
import { CsvError, type Options, parse } from 'csv-parse'
import { FileFault } from './file-fault.ts'

export interface CsvLine {
  /** Of the file, where the record begins. */
  number: number
  cells: string[]
}

export interface CsvOptions {
  maxRecordLength: number
  /** Whether a cell is a name of a column: the delimiter is the one by which a line has most of them. */
  isColumn: (cell: string) => boolean
  /** Lines, blank ones not counted, among which the header is looked for. */
  headerWithin: number
}

/** Spreadsheets set to Indonesian write semicolons, and their "Unicode text" tabs. */
const delimiters = [',', ';', '\t', '|']

/** Yields the records of a CSV text as cells, Excel's own first line (`sep=;`) left out. @throws FileFault naming the line */
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
    // A quote within a value that does not begin with one is part of it, as in ="3273…".
    relax_quotes: true,
    // Counted by whoever knows which cells matter.
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

/** Returns the text up to and including so many lines that are not blank, and what came with them. */
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

/** The lines that are not blank; the last may go on. */
function linesOf(text: string): string[] {
  return text.split('\n').filter((line, index, all) => line.trim() !== '' || (index === all.length - 1 && index > 0))
}

async function* prepend(start: string, rest: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  yield start
  yield* rest
}

/** Excel's own first line, by which a file says its delimiter. */
const delimiterLine = /^"?sep=(.)"?(?:\r|$)/i

/** One delimiter for the whole file: the one by which a line of its start has most columns. */
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
