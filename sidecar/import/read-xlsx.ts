import type { Cell, TableRow } from './cells.ts'
import { FileFault } from './file-fault.ts'
import { maxRecordLength } from './read-file.ts'
import { StringTable } from './string-table.ts'
import { openXlsxParts, type XlsxParts, type XmlHandlers } from './xlsx-parts.ts'

export interface Sheet {
  name: string
  isHidden: boolean
  /** Yields the rows that are not empty, in order; can be called repeatedly. @throws FileFault, the signal's reason */
  rows(): AsyncGenerator<TableRow, void, void>
}

export interface Workbook {
  /** In the order of the tabs. */
  sheets: Sheet[]
  /** Days to add to this workbook's serial numbers. Old Macintosh workbooks count from 1904. */
  dayOffset: number
  close(): Promise<void>
}

/** Limit of the workbook's texts, which are stored in a temporary file while a sheet is read. */
const maxTextBytes = 512 * 1024 * 1024
/** Limit of each part that describes the workbook, such as its list of sheets. */
const maxSmallBytes = 16 * 1024 * 1024
const maxSheets = 1000
/** The largest number of columns in a sheet. */
const maxColumns = 16_384
const daysTo1904 = 1462

/**
 * Opens a workbook from a file descriptor, which stays open. Rows are read as a stream. A formula has the result that was
 * stored with it; nothing is calculated. The caller must close the workbook.
 * @throws FileFault, the signal's reason
 */
export async function openWorkbook(fd: number, signal?: AbortSignal): Promise<Workbook> {
  const parts = await openXlsxParts(fd, signal)
  const main = await findMainPart(parts)
  const { sheets, is1904 } = await readWorkbook(parts, main)
  const targets = await readRelations(parts, main)
  const partOf = (type: string) => [...targets.values()].find(target => target.type === type)?.part
  const dateStyles = await readDateStyles(parts, partOf('styles'))
  const texts = await readTexts(parts, partOf('sharedStrings'))
  const dayOffset = is1904 ? daysTo1904 : 0
  return {
    dayOffset,
    close: () => texts.close(),
    sheets: sheets.flatMap(({ name, isHidden, relation }) => {
      const target = targets.get(relation)
      if (target?.type !== 'worksheet') return []
      return { name, isHidden, rows: () => readRows(parts, target.part, { texts, dateStyles, dayOffset }) }
    })
  }
}

async function findMainPart(parts: XlsxParts): Promise<string> {
  const relations = await readRelations(parts, '')
  const main = [...relations.values()].find(({ type }) => type === 'officeDocument')
  if (main === undefined) throw new FileFault({}, 'notWorkbook')
  return main.part
}

interface Relation {
  type: string
  part: string
}

/** Returns the relations of a part, by id. The empty name stands for the archive itself. */
async function readRelations(parts: XlsxParts, part: string): Promise<Map<string, Relation>> {
  const folder = part.slice(0, part.lastIndexOf('/') + 1)
  const found = new Map<string, Relation>()
  await readAll(parts, `${folder}_rels/${part.slice(folder.length)}.rels`, {
    open(name, { Id = '', Type = '', Target = '' }) {
      if (name !== 'Relationship') return
      const resolved = new URL(Target, `zip:///${folder}`).pathname.slice(1)
      found.set(Id, { type: Type.slice(Type.lastIndexOf('/') + 1), part: decodeURIComponent(resolved) })
    }
  })
  return found
}

async function readWorkbook(parts: XlsxParts, main: string) {
  const sheets: { name: string; isHidden: boolean; relation: string }[] = []
  let is1904 = false
  await readAll(parts, main, {
    open(name, attributes) {
      if (name === 'workbookPr') is1904 = isTrue(attributes.date1904)
      if (name !== 'sheet') return
      const relation = Object.entries(attributes).find(([key]) => key.endsWith(':id'))?.[1] ?? ''
      const isHidden = (attributes.state ?? 'visible') !== 'visible'
      sheets.push({ name: attributes.name ?? '', isHidden, relation })
      if (sheets.length > maxSheets) throw new FileFault({}, 'tooManySheets', { sheets: maxSheets })
    }
  })
  return { sheets, is1904 }
}

function isTrue(value: string | undefined): boolean {
  return value === '1' || value === 'true'
}

async function readTexts(parts: XlsxParts, part: string | undefined): Promise<StringTable> {
  const table = await StringTable.create()
  if (part === undefined || !parts.has(part)) return table
  const collector = new TextCollector()
  const handlers: XmlHandlers<void> = {
    open(name) {
      if (name === 'si') collector.begin()
      else collector.open(name)
    },
    text: text => collector.text(text),
    close(name) {
      collector.close(name)
      if (name !== 'si') return
      table.add(collector.take())
      if (table.bytes > maxTextBytes) throw new FileFault({}, 'textsTooLarge', { bytes: maxTextBytes })
    },
    take() {}
  }
  try {
    for await (const _ of parts.read(part, handlers));
  } catch (error) {
    await table.close()
    throw error
  }
  return table
}

/** Joins the pieces of a formatted text (`<r><t>…</t></r>`), without phonetic hints for Japanese (`rPh`). */
class TextCollector {
  #text = ''
  #isOpen = false
  #isAid = false

  begin(): void {
    this.#text = ''
  }

  open(name: string): void {
    if (name === 'rPh') this.#isAid = true
    if (name === 't') this.#isOpen = !this.#isAid
  }

  text(text: string): void {
    if (!this.#isOpen) return
    this.#text += text
    if (this.#text.length > maxRecordLength) throw new FileFault({}, 'valueTooLong', { characters: maxRecordLength })
  }

  close(name: string): void {
    if (name === 'rPh') this.#isAid = false
    if (name === 't') this.#isOpen = false
  }

  take(): string {
    return unescapeText(this.#text)
  }
}

/** Decodes characters that XML cannot represent, such as `_x000D_`. */
function unescapeText(text: string): string {
  if (!text.includes('_x')) return text
  return text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

/** Ids of built-in date formats, including East Asian ones. @see ECMA-376 part 1, 18.8.30 */
const builtInDates = [
  [14, 22],
  [27, 36],
  [45, 47],
  [50, 58]
] as const

/** Returns, for each cell style, whether it shows a date. */
async function readDateStyles(parts: XlsxParts, part: string | undefined): Promise<boolean[]> {
  const styles: boolean[] = []
  if (part === undefined || !parts.has(part)) return styles
  const custom = new Map<string, boolean>()
  let isInList = false
  await readAll(parts, part, {
    open(name, { numFmtId = '', formatCode = '' }) {
      if (name === 'numFmt') custom.set(numFmtId, isDateFormatCode(formatCode))
      if (name === 'cellXfs') isInList = true
      if (name !== 'xf' || !isInList) return
      const id = Number(numFmtId)
      styles.push(custom.get(numFmtId) ?? builtInDates.some(([from, to]) => id >= from && id <= to))
    },
    close(name) {
      if (name === 'cellXfs') isInList = false
    }
  })
  return styles
}

/** True for a date format. `[Red]`, `"text"` and `\d` are not parts of a date; `[h]` is a duration. */
function isDateFormatCode(code: string): boolean {
  return /[dmy]/i.test(code.replace(/"[^"]*(?:"|$)|\[[^\]]*(?:\]|$)|[\\_*]./g, '').replace(/general/i, ''))
}

interface SheetContext {
  texts: StringTable
  dateStyles: readonly boolean[]
  dayOffset: number
}

async function* readRows(parts: XlsxParts, part: string, context: SheetContext): AsyncGenerator<TableRow, void, void> {
  for await (const rows of parts.read(part, rowHandlers(context))) yield* rows
}

/** A cell while it is read. */
interface OpenCell {
  column: number
  type: string
  style: number
  value: string | null
  hasFormula: boolean
}

function rowHandlers(context: SheetContext): XmlHandlers<TableRow[]> {
  const inline = new TextCollector()
  let rows: TableRow[] = []
  let isInTable = false
  let number = 0
  let cells: (Cell | undefined)[] = []
  let next = 0
  let cell: OpenCell | null = null
  let isInValue = false
  /** Total length of the row's texts. */
  let length = 0
  return {
    open(name, attributes) {
      if (name === 'sheetData') isInTable = true
      else if (!isInTable) return
      else if (name === 'row') {
        number = attributes.r === undefined ? number + 1 : Number(attributes.r)
        cells = []
        next = 0
        length = 0
      } else if (name === 'c') {
        const column = attributes.r === undefined ? next : columnOf(attributes.r)
        if (column >= maxColumns) throw new FileFault({ row: number }, 'cellTooFar', { columns: maxColumns })
        next = column + 1
        const { t: type = 'n', s: style = '0' } = attributes
        cell = { column, type, style: Number(style), value: null, hasFormula: false }
        inline.begin()
      } else if (cell === null) return
      else if (name === 'v') {
        isInValue = true
        cell.value = ''
      } else if (name === 'f') cell.hasFormula = true
      else if (name === 'is') cell.value = ''
      else inline.open(name)
    },
    text(text) {
      if (cell === null) return
      if (isInValue) cell.value += text
      else inline.text(text)
    },
    close(name) {
      if (name === 'sheetData') isInTable = false
      else if (name === 'v') isInValue = false
      else if (name === 'c' && cell !== null) {
        const value = cellOf(cell, inline, context)
        if (value !== null) cells[cell.column] = value
        if (typeof value === 'string') length += value.length
        if (length > maxRecordLength) throw new FileFault({ row: number }, 'tooLong', { characters: maxRecordLength })
        cell = null
      } else if (name === 'row' && isInTable) {
        if (cells.length > 0) rows.push({ number, cells })
      } else if (cell !== null) inline.close(name)
    },
    take() {
      const taken = rows
      rows = []
      return taken
    }
  }
}

/** Returns the index of the column, from 0, in an address such as `AB12`. */
function columnOf(address: string): number {
  let column = 0
  for (const letter of /^[A-Z]{0,4}/.exec(address.toUpperCase())?.[0] ?? '') {
    column = column * 26 + letter.charCodeAt(0) - 64
  }
  return column - 1
}

function cellOf(cell: OpenCell, inline: TextCollector, { texts, dateStyles, dayOffset }: SheetContext): Cell {
  const { type, style, value, hasFormula } = cell
  if (value === null) return hasFormula ? { fault: 'a formula without a result' } : null
  if (type === 's') return texts.at(Number(value)) ?? { fault: 'a text that is missing' }
  if (type === 'inlineStr') return inline.take()
  if (type === 'str') return unescapeText(value)
  if (type === 'e') return { fault: 'an error' }
  if (type === 'b') return isTrue(value)
  // A date as ISO 8601, which few programs write.
  if (type === 'd') return value.replace('T', ' ').replace(/ 00:00:00(?:\.0+)?Z?$/, '')
  const number = Number(value)
  if (value.trim() === '') return null
  if (Number.isNaN(number)) return { fault: 'a number that cannot be read' }
  return dateStyles[style] ? { serial: number + dayOffset } : number
}

async function readAll(parts: XlsxParts, part: string, handlers: Omit<XmlHandlers<void>, 'take'>): Promise<void> {
  for await (const _ of parts.read(part, { ...handlers, take() {} }, maxSmallBytes));
}
