import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SourceDescription } from '../../sidecar/source/description.ts'
import { loadDescription, mappingOf, parseDescription, shippedDescription } from '../../sidecar/source/load.ts'
import { zoneOffsets } from '../../sidecar/transform/dates.ts'
import { type FieldSource, pointersOf } from '../../sidecar/transform/field-source.ts'
import type { MappedField } from '../../sidecar/transform/mapping.ts'
import { createTransform } from '../../sidecar/transform/transform.ts'
import type { TransformResult } from '../../sidecar/transform/types.ts'
import { LAST_STAMP, Population } from '../../simulator/population.ts'
import { compileShape } from '../../simulator/shape/shape.ts'
import { type RandomMeaning, randomMeaning } from './random-description.ts'

const own = await loadDescription(shippedDescription)
const context = { sourceNow: LAST_STAMP, maxSkewMs: 3_600_000 }
const transformOwn = createTransform(mappingOf(own))
const numRuns = Number(process.env.TEST_PROPERTY_RUNS ?? 12) * 5

type Row = Record<string, unknown>

/** Under which name the shipped description has a field. */
const ownKey = (name: MappedField) => String(own.fields[name]).slice(1)

function describe({ fields, dates, tables, registrations }: RandomMeaning): SourceDescription {
  const json = {
    authentication: { type: 'none' },
    request: { path: '/daftar' },
    paging: { type: 'single_page' },
    answer: { rows: '/data', ...(registrations !== null && { registrations }) },
    clock: { from: 'date_header' },
    fields,
    dates,
    tables
  }
  return parseDescription(json, { file: 'random.json', defaults: own.tables })
}

test('records in a random shape are read as the same candidates as in the shipped one', () => {
  fc.assert(
    fc.property(randomMeaning(own.tables), fc.integer({ min: 1, max: 1000 }), (meaning, seed) => {
      const description = describe(meaning)
      const { records } = compileShape(description, own)
      const transform = createTransform(mappingOf(description))
      const options = { seed, rows: 120, brokenShare: 0.3 }
      const plain = new Population(options)
      const isGrouped = meaning.registrations !== null
      const shaped = new Population({ ...options, write: records.write, isGrouped })
      for (const population of [plain, shaped]) population.days.add(Date.UTC(2026, 7, 1), 0.5)
      for (const { index } of shaped.walk(Number.NEGATIVE_INFINITY)) {
        const numbers = shaped.registrationsOf(index)
        const rows = registrationsIn(JSON.parse(shaped.recordOf(index).json), meaning)
        assert.equal(rows.length, numbers.length)
        for (const [at, number] of numbers.entries()) {
          const expected = expectedRow(
            JSON.parse(plain.recordOf(number).json),
            JSON.parse(plain.recordOf(index).json),
            meaning
          )
          compare(transform(rows[at], context), transformOwn(expected, context), description, {
            kind: plain.kindOf(number),
            row: rows[at],
            expected
          })
        }
      }
    }),
    { numRuns }
  )
})

/** Reads a record as the documentation of `registrations` says it. */
function registrationsIn(record: unknown, { registrations }: RandomMeaning): unknown[] {
  if (registrations === null || typeof record !== 'object' || record === null) return [record]
  const { where = {} } = registrations as { where?: Record<string, unknown> }
  const { izin } = record as { izin: { daftar: Row[] } }
  const elements = izin.daftar.filter(element =>
    Object.entries(where).every(([key, value]) => element[key.slice(1)] === value)
  )
  return elements.map(element => ({ ...record, izin: { ...izin, daftar: element } }))
}

/** Returns the record of the shipped shape for the same candidate. */
function expectedRow(row: unknown, parent: unknown, { fields, registrations }: RandomMeaning): unknown {
  if (typeof row !== 'object' || row === null) return row
  const expected: Row = {}
  for (const name of Object.keys(own.fields) as MappedField[]) {
    const source = fields[name]
    const key = ownKey(name)
    if (name === 'changedAt' && source === undefined) expected[key] = new Date(LAST_STAMP).toISOString()
    else if (source === undefined) continue
    else if (typeof source === 'object' && 'constant' in source) expected[key] = meaningOf(name, source.constant)
    else {
      const isBelow = registrations !== null && pointersOf(source)[0]?.startsWith(`${registrations.list}/`)
      const from = isBelow ? row : (parent as Row)
      const value = (from as Row)[key]
      // A number is no NIK, unless a description says that numbers are texts.
      if (typeof value === 'number' && name === 'nik' && hasText(source)) {
        expected[key] = Number.isSafeInteger(value) ? String(value) : value
      }
      // A blank text among several places counts as missing.
      else if (!(isOfSeveral(source) && typeof value === 'string' && value.trim() === '') && key in from) {
        expected[key] = value
      }
    }
  }
  return expected
}

function isOfSeveral(source: FieldSource): boolean {
  return typeof source === 'object' && ('firstOf' in source || 'join' in source)
}

function hasText(source: FieldSource): boolean {
  return typeof source === 'object' && 'convert' in source && source.convert?.includes('text') === true
}

/** The constants of status and sex are the first words of their tables. */
function meaningOf(name: MappedField, constant: string): string {
  if (name === 'status') return 'AKTIF'
  return name === 'sex' ? 'L' : constant
}

function compare(
  actual: TransformResult,
  expected: TransformResult,
  { dates }: SourceDescription,
  about: object
): void {
  const said = () => JSON.stringify({ about, actual, expected }, null, 1)
  const codes = (result: TransformResult) =>
    (result.ok ? result.value.problems : result.rejections).map(({ code }) => code).sort()
  assert.equal(actual.ok, expected.ok, said())
  assert.deepEqual(codes(actual), codes(expected), said())
  if (!actual.ok || !expected.ok) {
    if (actual.ok === expected.ok) assert.deepEqual(partsOf(actual), partsOf(expected), said())
    return
  }
  const formats = dates.formats.changedAt ?? ['instant']
  const stamps = formats.map(format => truncated(expected.value.changedAt, format, zoneOffsets[dates.zone] * 3_600_000))
  assert.ok(stamps.includes(actual.value.changedAt), `${stamps} ${said()}`)
  const same = { changedAt: '', sourceStatus: '', contentHash: '', problems: [] }
  assert.deepEqual({ ...actual.value, ...same }, { ...expected.value, ...same }, said())
}

function partsOf(result: TransformResult) {
  return result.ok ? null : [result.strNumber, result.profession, result.urgent]
}

function truncated(instant: string, format: string, offsetMs: number): string {
  const ms = Date.parse(instant)
  const unitMs = unitOf(format)
  return new Date(Math.floor((ms + offsetMs) / unitMs) * unitMs - offsetMs).toISOString()
}

function unitOf(format: string): number {
  if (format === 'instant' || format === 'epochMilliseconds') return 1
  if (/ss|Seconds/.test(format)) return 1000
  return format.includes('mm') ? 60_000 : 86_400_000
}
