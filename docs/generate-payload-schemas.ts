import { payloadSchemas } from '../sidecar/odoo/contracts.ts'

/** What makes each `contracts/odoo/*.schema.json`, by its path: the JSON schemas of what Odoo is told. */
export const payloadSchemaFiles: Record<string, () => string> = Object.fromEntries(
  Object.entries(payloadSchemas).map(([name, schema]) => [
    `contracts/odoo/${name}.schema.json`,
    () => `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }, null, 2)}\n`
  ])
)
