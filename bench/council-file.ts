import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FileFormat } from '../sidecar/import/read-rows.ts'
import { chunksOf, writeRawXlsx } from '../test/helpers/xlsx.ts'
import { walk } from './ceiling.ts'
import type { Kki } from './world.ts'

/** The columns of contracts/sources/council-spreadsheet.json and, as lists have them, some more. */
const columns = {
  No: 'no',
  'Nomor STR': 'nomor_str',
  NIK: 'nik',
  'Nama Lengkap': 'nama',
  'Gelar Depan': 'gelar_depan',
  'Gelar Belakang': 'gelar_belakang',
  'Tempat Lahir': 'tempat_lahir',
  'Tanggal Lahir': 'tanggal_lahir',
  'Jenis Kelamin': 'jenis_kelamin',
  Profesi: 'profesi',
  Kompetensi: 'kompetensi',
  'Status STR': 'status_str',
  'Tanggal Terbit': 'tanggal_terbit',
  'Berlaku Sampai': 'berlaku_sampai',
  Institusi: 'institusi_pendidikan',
  Provinsi: 'provinsi'
}
const names = Object.keys(columns)

type Cells = (string | number | null)[]

/** Writes the whole list of a simulated KKI as a file, and returns how many rows it has. */
export async function writeCouncilFile(file: string, format: FileFormat, kki: Kki): Promise<number> {
  const rows: Cells[] = []
  await walk(kki, 1000, page => {
    const { data } = JSON.parse(page.toString('utf8')) as { data: unknown[] }
    for (const record of data) {
      if (typeof record !== 'object' || record === null) continue
      const values: Record<string, unknown> = { ...record, no: rows.length + 1 }
      rows.push(Object.values(columns).map(name => cellOf(values[name])))
    }
  })
  if (format === 'xlsx') await writeWorkbook(file, rows)
  else await writeText(file, format === 'csv' ? csvOf(rows) : jsonOf(rows))
  return rows.length
}

function cellOf(value: unknown): string | number | null {
  if (value === undefined || value === null || typeof value === 'number') return value ?? null
  return typeof value === 'string' ? value : JSON.stringify(value)
}

async function writeText(file: string, texts: Iterable<string>): Promise<void> {
  await pipeline(Readable.from(chunksOf(texts)), createWriteStream(file))
}

function* csvOf(rows: readonly Cells[]): Generator<string> {
  for (const row of [names, ...rows]) yield `${row.map(quoted).join(';')}\r\n`
}

function quoted(cell: string | number | null): string {
  const text = String(cell ?? '')
  return /[";\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function* jsonOf(rows: readonly Cells[]): Generator<string> {
  for (const row of rows) yield `${JSON.stringify(Object.fromEntries(row.map((cell, i) => [names[i], cell])))}\n`
}

/** As a spreadsheet writes it: each text once in a separate table, numbered in their order, and dates as serial numbers. */
async function writeWorkbook(file: string, rows: readonly Cells[]): Promise<void> {
  const texts = new Map<string, number>()
  const numberOf = (text: string) => {
    const number = texts.get(text) ?? texts.size
    if (number === texts.size) texts.set(text, number)
    return number
  }
  const cell = (value: string | number | null, row: number, column: number) => {
    if (value === null) return ''
    const place = `r="${String.fromCharCode(65 + column)}${row}"`
    if (typeof value === 'number') return `<c ${place}><v>${value}</v></c>`
    const days = /^[12]\d{3}-\d\d-\d\d$/.test(value) ? Date.parse(value) / 86_400_000 + 25_569 : Number.NaN
    if (days > 10_000) return `<c ${place} s="1"><v>${days}</v></c>`
    return `<c ${place} t="s"><v>${numberOf(value)}</v></c>`
  }
  const sheet = function* () {
    for (const [index, row] of [names, ...rows].entries()) {
      yield `<row r="${index + 1}" spans="1:${names.length}">${row.map((value, i) => cell(value, index + 1, i)).join('')}</row>`
    }
  }
  const escaped = function* () {
    for (const text of texts.keys()) {
      yield `<t xml:space="preserve">${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</t>`
    }
  }
  const formats = [0, 14]
  await writeRawXlsx(file, { sheet: sheet(), texts: { [Symbol.iterator]: escaped }, formats, order: 'texts last' })
}
