import { ownColumns } from '../transform/own-person.ts'
import { foldWord } from '../transform/text.ts'
import { NikEndings, plainText } from './cells.ts'
import { type CsvLine, isBlankLine, readCsvLines } from './csv-lines.ts'
import { FileFault } from './file-fault.ts'

/** `null` stands for a column without a name. Spreadsheets write such columns for cells that were cleared. */
type Header = (string | null)[]

const columns = Object.keys(ownColumns)

/**
 * Yields the records of a CSV text as objects with the columns of the header. The header also decides the delimiter. Blank
 * lines are skipped. @throws FileFault with line and column
 */
export async function* readCsv(
  texts: AsyncIterable<string>,
  maxRecordLength: number
): AsyncGenerator<Record<string, unknown>, void, void> {
  let header: Header | null = null
  const niks = new NikEndings()
  const isColumn = (cell: string) => columns.includes(nameOf(cell))
  for await (const line of readCsvLines(texts, { maxRecordLength, isColumn, headerWithin: 1 })) {
    if (isBlankLine(line)) continue
    if (header !== null) {
      const record = recordOf(line, header)
      niks.add(record.nik)
      yield record
    } else header = headerOf(line)
  }
  if (niks.areRounded) {
    throw new FileFault({ column: 'nik' }, 'niksRounded')
  }
}

function nameOf(cell: string): string {
  return foldWord(cell.trim()).toLowerCase()
}

function headerOf({ number, cells }: CsvLine): Header {
  const names = cells.map(cell => nameOf(cell) || null)
  for (const [index, name] of names.entries()) {
    const place = { line: number, column: index + 1 }
    // The name is not repeated, because in a file without a header it is data of a person.
    if (name !== null && !columns.includes(name)) {
      throw new FileFault(place, 'columnUnknown', { columns: columns.join(', ') })
    }
    if (name !== null && names.indexOf(name) !== index) throw new FileFault(place, 'columnTwice', { column: name })
  }
  if (!names.includes('nama')) throw new FileFault({ line: number }, 'columnMissing', { column: 'nama' })
  return names
}

function recordOf(line: CsvLine, header: Header): Record<string, unknown> {
  checkWidth(line, header.length, index => header[index] ?? null)
  const record: Record<string, unknown> = {}
  for (const [index, name] of header.entries()) {
    if (name === null) continue
    const text = plainText(line.cells[index] as string)
    record[name] = name === 'tahun_lulus' && /^\d+$/.test(text) ? Number(text) : text
  }
  return record
}

/**
 * Checks that a line has as many cells as the header (`width`). `nameOf` returns the name of a column, or `null`.
 * @throws FileFault
 */
export function checkWidth({ number, cells }: CsvLine, width: number, nameOf: (index: number) => string | null): void {
  if (cells.length < width) {
    // Missing cells do not count as blank, because a line break in a value without quotes looks the same.
    throw new FileFault({ line: number }, 'tooFewValues', { values: cells.length, columns: width })
  }
  for (const [index, cell] of cells.entries()) {
    const name = nameOf(index)
    if (name === null && cell.trim() !== '') {
      throw new FileFault({ line: number, column: index + 1 }, 'valueWithoutColumn', { columns: width })
    }
    if (name !== null && cell.startsWith('"') && cell.includes('\n')) {
      throw new FileFault({ line: number, column: name }, 'quoteOpen')
    }
  }
}
