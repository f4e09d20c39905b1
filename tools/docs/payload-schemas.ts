import { payloadSchemas } from '../../sidecar/odoo/contracts.ts'

/** Generators of the JSON schemas of messages to Odoo, by path (`contracts/odoo/*.schema.json`). */
export const payloadSchemaFiles: Record<string, () => string> = Object.fromEntries(
  Object.entries(payloadSchemas).map(([name, schema]) => [
    `contracts/odoo/${name}.schema.json`,
    () => `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }, null, 2)}\n`
  ])
)
