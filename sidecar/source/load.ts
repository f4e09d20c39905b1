import { access } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Compile } from 'typebox/compile'
import { ConfigurationError } from '../errors.ts'
import { findUnportable } from '../platform/portable-text.ts'
import { findSchemaFault } from '../platform/schema-fault.ts'
import { readTextFile } from '../platform/strict-text.ts'
import type { Mapping } from '../transform/mapping.ts'
import type { Tables } from '../transform/tables.ts'
import { checkDescription, DescriptionFault } from './check-description.ts'
import { type DescriptionFile, DescriptionSchema, type SourceDescription } from './description.ts'

/** The variable that names the description. */
export const sourceVariable = 'KKI_SOURCE_FILE'
/** The shipped description; it provides the tables that another description leaves out. */
export const shippedDescription = fileURLToPath(new URL('../../contracts/sources/kki.json', import.meta.url))

const shape = Compile(DescriptionSchema)
/** Far more than any description needs. */
const maxBytes = 4 * 1024 * 1024

/**
 * Loads a description and checks everything that can be checked without the source.
 * @throws ConfigurationError with the file, the path in it and the expected value
 */
export async function loadDescription(file: string): Promise<SourceDescription> {
  const json = await readJson(file)
  const shipped = path.resolve(file) === shippedDescription ? json : await readJson(shippedDescription)
  const description = parseDescription(json, { file, defaults: (shipped as { tables: Tables }).tables })
  if (description.module !== null) {
    await access(description.module).catch(cause => {
      throw fault(file, '/module', `names a file that cannot be read (${(cause as { code?: string }).code})`)
    })
  }
  return description
}

/** Returns the part of a description for the transform of records. */
export function mappingOf({ fields, dates, tables }: SourceDescription): Mapping {
  return { ...tables, fields, dateFormats: dates.formats, dateZone: dates.zone }
}

/** Returns the same of a file. @throws ConfigurationError as `loadDescription` */
export async function loadMapping(file: string): Promise<Mapping> {
  return mappingOf(await loadDescription(file))
}

/** Returns the description from parsed JSON; `defaults` are the tables that it may leave out. @throws ConfigurationError */
export function parseDescription(
  json: unknown,
  { file, defaults }: { file: string; defaults: Tables }
): SourceDescription {
  // Before the schema check, because its messages must not contain a text that a log cannot represent.
  const unportable = findUnportable(json)
  if (unportable !== null) throw fault(file, unportable, 'has a character that not every receiver supports')
  if (!shape.Check(json)) {
    const found = findSchemaFault(DescriptionSchema, json)
    if (found) throw fault(file, found.path, found.expected)
    const [error] = shape.Errors(json)
    throw fault(file, error?.instancePath ?? '', error?.message ?? 'is not a source description')
  }
  const description = complete(json, file, defaults)
  try {
    checkDescription(description)
  } catch (error) {
    if (!(error instanceof DescriptionFault)) throw error
    throw fault(file, error.path, error.message)
  }
  return description
}

function complete(json: DescriptionFile, file: string, defaults: Tables): SourceDescription {
  return {
    authentication: json.authentication,
    request: json.request,
    paging: json.paging,
    answer: json.answer,
    clock: json.clock,
    oneByStr: json.oneByStr ?? null,
    limits: json.limits ?? {},
    module: json.module === undefined ? null : path.resolve(path.dirname(file), json.module),
    fields: json.fields,
    dates: json.dates,
    tables: { ...defaults, ...json.tables }
  }
}

/** Returns the parsed JSON of a description's file. @throws ConfigurationError, which names this variable */
export async function readJson(file: string, variable = sourceVariable): Promise<unknown> {
  let text: string
  try {
    text = await readTextFile(file)
  } catch (cause) {
    const { code } = cause as { code?: string }
    throw new ConfigurationError(variable, `${file}: cannot be read (${code})`, { cause })
  }
  if (text.length > maxBytes) throw new ConfigurationError(variable, `${file}: is larger than ${maxBytes} bytes`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConfigurationError(variable, `${file}: is not JSON (${placeOfSyntaxError(cause, text)})`, { cause })
  }
}

/** Node reports a position only for longer texts; otherwise its message quotes the text. */
function placeOfSyntaxError(error: unknown, text: string): string {
  const { message } = error as Error
  const [, position] = /at position (\d+)/.exec(message) ?? []
  if (position === undefined) return message.replace(/\s+/g, ' ')
  const lines = text.slice(0, Number(position)).split('\n')
  return `line ${lines.length}, character ${(lines.at(-1)?.length ?? 0) + 1}`
}

function fault(file: string, pointer: string, expected: string): ConfigurationError {
  return new ConfigurationError(sourceVariable, `${file}: ${pointer === '' ? '/' : pointer}: ${expected}`)
}
