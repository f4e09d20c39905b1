import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import yazl from 'yazl'

/** The content of a part of an archive; an iterable is read at its turn. */
export type Content = Iterable<string> | AsyncIterable<string>

/** The parts of a workbook as XML texts, for shapes that libraries do not write. `sheet` is what `sheetData` holds. */
export interface RawWorkbook {
  /** One with a prefix is a text. */
  sheet: string | Content
  /** Behind `sheetData`, such as `mergeCells`. */
  after?: string
  /** Each the content of an `si`. Where they stand last, the sheet may still add to them. */
  texts?: Iterable<string>
  /** Of the styles of cells, in order: ids or codes of number formats. */
  formats?: (number | string)[]
  is1904?: boolean
  prefix?: string
  /** The parts in this order; some programs write the texts last. */
  order?: 'texts first' | 'texts last'
}

const namespace = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const packageRelations = 'http://schemas.openxmlformats.org/package/2006/relationships'

const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const xml = (text: string) => [declaration, text]
const relation = (id: string, type: string, target: string) =>
  `<Relationship Id="${id}" Type="${relations}/${type}" Target="${target}"/>`

/** Writes a workbook of one sheet. */
export async function writeRawXlsx(file: string, workbook: RawWorkbook): Promise<void> {
  const { sheet, after = '', texts = [], formats = ['General'], is1904 = false, order = 'texts first' } = workbook
  const custom = formats.map((format, i) => (typeof format === 'string' ? { id: 164 + i, code: format } : null))
  const attribute = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  const numFmts = custom.flatMap(one =>
    one ? [`<numFmt numFmtId="${one.id}" formatCode="${attribute(one.code)}"/>`] : []
  )
  const xfs = formats.map((format, i) => `<xf numFmtId="${custom[i]?.id ?? format}"/>`)
  const table: Part = ['xl/sharedStrings.xml', tableOf(texts)]
  const parts: Part[] = [
    [
      '_rels/.rels',
      xml(
        `<Relationships xmlns="${packageRelations}">${relation('a', 'officeDocument', '/xl/workbook.xml')}</Relationships>`
      )
    ],
    [
      'xl/workbook.xml',
      xml(
        `<workbook xmlns="${namespace}" xmlns:r="${relations}"><workbookPr${is1904 ? ' date1904="1"' : ''}/><sheets><sheet name="Daftar" sheetId="1" r:id="s"/></sheets></workbook>`
      )
    ],
    [
      'xl/_rels/workbook.xml.rels',
      xml(
        `<Relationships xmlns="${packageRelations}">${relation('s', 'worksheet', 'worksheets/sheet1.xml')}${relation('t', 'sharedStrings', 'sharedStrings.xml')}${relation('y', 'styles', 'styles.xml')}</Relationships>`
      )
    ],
    [
      'xl/styles.xml',
      xml(
        `<styleSheet xmlns="${namespace}"><numFmts>${numFmts.join('')}</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>${xfs.join('')}</cellXfs></styleSheet>`
      )
    ],
    ['xl/worksheets/sheet1.xml', sheetOf(sheet, after, workbook.prefix)]
  ]
  await writeZip(file, order === 'texts last' ? [...parts, table] : [table, ...parts])
}

function* tableOf(texts: Iterable<string>): Generator<string> {
  yield `${declaration}<sst xmlns="${namespace}">`
  for (const text of texts) yield `<si>${text}</si>`
  yield '</sst>'
}

async function* sheetOf(sheet: string | Content, after: string, prefix: string | undefined): AsyncGenerator<string> {
  yield declaration
  yield withPrefix(`<worksheet xmlns="${namespace}"><cols><col min="1" max="3"/></cols><sheetData>`, prefix)
  if (typeof sheet === 'string') yield withPrefix(sheet, prefix)
  else yield* sheet
  yield withPrefix(`</sheetData>${after}</worksheet>`, prefix)
}

function withPrefix(text: string, prefix: string | undefined): string {
  if (prefix === undefined) return text
  return text.replace(/<(\/?)(?=[a-zA-Z])/g, `<$1${prefix}:`).replace(' xmlns=', ` xmlns:${prefix}=`)
}

type Part = [name: string, content: Buffer | Content]

/** Writes an archive of these parts. */
export async function writeZip(file: string, parts: readonly Part[]): Promise<void> {
  const archive = new yazl.ZipFile()
  for (const [name, content] of parts) {
    if (Buffer.isBuffer(content)) archive.addBuffer(content, name)
    else archive.addReadStreamLazy(name, {}, done => done(null, Readable.from(chunksOf(content))))
  }
  archive.end()
  await pipeline(archive.outputStream, createWriteStream(file))
}

const chunkLength = 1 << 16

/** Yields small texts put together. */
export async function* chunksOf(texts: Content): AsyncGenerator<Buffer> {
  let text = ''
  for await (const next of texts) {
    text += next
    if (text.length < chunkLength) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(text)
}
