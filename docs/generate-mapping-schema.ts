import { MappingSchema } from '../sidecar/transform/mapping-schema.ts'

/** Returns `contracts/kki-mapping.schema.json`, the JSON schema by which editors check `contracts/kki-mapping.json`. */
export function renderMappingSchema(): string {
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...MappingSchema }
  return `${JSON.stringify(schema, null, 2)}\n`
}
