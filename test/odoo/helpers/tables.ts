import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { type PayloadName, payloadSchemas } from '../../../sidecar/odoo/contracts.ts'
import type { Table } from '../../../sidecar/odoo/tables.ts'

export type TextRow = Record<string, string>

/** Returns the rows of a table as texts, without null values. */
export function rowsOf({ columns, rows }: Table): TextRow[] {
  return linesOf(rows).map(values => {
    const pairs = columns.map((column, i): [string, string] => [column, values[i] as string])
    return Object.fromEntries(
      pairs.filter(([, value]) => value !== '\\N').map(([column, value]) => [column, unescaped(value)])
    )
  })
}

/** Returns rows as a table. */
export function tableOf(rows: readonly Record<string, string | number | boolean>[]): Table {
  const columns = [...new Set(['id', 'version', ...rows.flatMap(row => Object.keys(row))])]
  const lines = rows.map(row => columns.map(column => textOf(row[column])).join('\t'))
  return { columns, rows: lines.map(line => `${line}\n`).join('') }
}

/** Returns the errors of a payload, with those of its rows; undefined if it follows its schema. */
export function faultOf(name: PayloadName, payload: unknown): unknown {
  const [fault] = Compile(payloadSchemas[name]).Errors(payload)
  if (fault) return fault
  for (const [key, value] of Object.entries(payload as Record<string, Table>)) {
    const schema = rowSchemaOf(name, key)
    if (!schema) continue
    const compiled = Compile(schema as TSchema)
    const ragged = linesOf(value.rows).find(({ length }) => length !== value.columns.length)
    if (ragged) return `${key}: a row of ${ragged.length} values`
    for (const row of rowsOf(value)) {
      const typed = Object.entries(row).map(([column, text]) => [column, typedValue(typeOf(schema, column), text)])
      const [wrong] = compiled.Errors(Object.fromEntries(typed))
      if (wrong) return wrong
    }
  }
}

function linesOf(rows: string): string[][] {
  return rows
    .split('\n')
    .slice(0, -1)
    .map(line => line.split('\t'))
}

interface Shape {
  type?: string
  properties?: Record<string, Shape>
  anyOf?: Shape[]
  contentSchema?: Shape
}

function rowSchemaOf(name: PayloadName, key: string): Shape | undefined {
  return (payloadSchemas[name] as Shape).properties?.[key]?.properties?.rows?.contentSchema
}

function typeOf(schema: Shape, column: string): string | undefined {
  const shapes = schema.anyOf ?? [schema]
  return shapes.find(({ properties }) => properties?.[column])?.properties?.[column]?.type
}

function typedValue(type: string | undefined, text: string): string | number | boolean {
  if (type === 'boolean' && /^[tf]$/.test(text)) return text === 't'
  if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  return text
}

const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
const unescapes: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => unescapes[character] ?? character)
}

function textOf(value: string | number | boolean | undefined): string {
  if (value === undefined) return '\\N'
  if (typeof value === 'boolean') return value ? 't' : 'f'
  return String(value).replace(/[\\\t\n\r]/g, character => escapes[character] as string)
}
