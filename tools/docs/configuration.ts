import { type VariableSchema, variables } from '../../sidecar/environment.ts'

const introduction = `# Configuration

Generated from \`sidecar/environment.ts\` by \`npm run generate\`. Every setting is an environment variable; an empty one counts as not set. A bad value, a missing one or an unknown name that
begins with \`SDMK_\` or \`KKI_\` stops the start with one line that names the variable, and exit code 78. Secrets are no variables:
they are in Vault or in \`SDMK_SECRETS_DIR\` ([secrets](../operate/secrets.md)), and the database’s password in \`SDMK_DATABASE_PASSWORD_FILE\`.

Names that begin with \`OTEL_\` are OpenTelemetry’s own; its exporter reads more of them ([tracing](../operate/tracing.md)).

| Variable | Meaning | Default | Unit, allowed values |
| --- | --- | --- | --- |
`

/** Returns the page `docs/reference/configuration.md`, one line for each variable of the schema, in its order. */
export function renderConfiguration(): string {
  const lines = variables.map(
    ([name, schema]) => `| \`${name}\` | ${schema.description} | ${renderDefault(schema)} | ${renderAllowed(schema)} |`
  )
  return `${introduction}${lines.join('\n')}\n`
}

function renderDefault(schema: VariableSchema): string {
  if (schema.defaultText) return schema.defaultText
  const value = Array.isArray(schema.default) ? schema.default.join(',') : schema.default
  return `\`${value}\``
}

function renderAllowed({ unit, minimum, maximum, ...schema }: VariableSchema): string {
  const words = schema.enum ?? schema.items?.enum
  const range = minimum === undefined ? null : `${minimum} to ${maximum}`
  return [unit, words?.map(word => `\`${word}\``).join(' '), range].filter(Boolean).join('; ')
}
