import type { TSchema } from 'typebox'
import { DescriptionSchema } from '../../sidecar/source/description.ts'
import { FileDescriptionSchema } from '../../sidecar/source/file-description.ts'
import { FieldSource, OneValue, Pointer, Where } from '../../sidecar/transform/field-source.ts'

const draft = 'https://json-schema.org/draft/2020-12/schema'

/** Parts that the schema has many times, each before the parts that it contains. */
const parts = { fieldSource: FieldSource, oneValue: OneValue, where: Where, pointer: Pointer }

/** Returns `contracts/source.schema.json`, the JSON schema by which editors check source descriptions. */
export function renderSourceSchema(): string {
  return render(DescriptionSchema)
}

/** Returns `contracts/file-source.schema.json`, the same for descriptions of files. */
export function renderFileSourceSchema(): string {
  return `${JSON.stringify({ $schema: draft, ...FileDescriptionSchema }, null, 2)}\n`
}

function render(shape: TSchema): string {
  const definitions = Object.fromEntries(
    Object.entries(parts).map(([name, schema]) => [name, withReferences(JSON.stringify(schema), name)])
  )
  const schema = {
    $schema: draft,
    ...(withReferences(JSON.stringify(shape)) as object),
    $defs: definitions
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}

function withReferences(json: string, itself?: string): unknown {
  let text = json
  for (const [name, schema] of Object.entries(parts)) {
    if (name !== itself) text = text.replaceAll(JSON.stringify(schema), `{"$ref":"#/$defs/${name}"}`)
  }
  return JSON.parse(text)
}
