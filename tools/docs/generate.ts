import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { renderDashboard } from '../../observability/grafana/dashboard.ts'
import { buildApp } from '../../sidecar/app.ts'
import { loadConfig } from '../../sidecar/config.ts'
import { renderAlertRules, renderRunbook } from './alerts.ts'
import { renderCodes } from './codes.ts'
import { renderCommands } from './commands.ts'
import { renderConfiguration } from './configuration.ts'
import { renderLicences } from './licences.ts'
import { payloadSchemaFiles } from './payload-schemas.ts'
import { renderRoutes } from './routes.ts'
import { renderSourceReference } from './source-reference.ts'
import { renderFileSourceSchema, renderSourceSchema } from './source-schema.ts'

/** Generated files, by their path in the repository. */
const generated: Record<string, () => string | Promise<string>> = {
  'docs/reference/configuration.md': renderConfiguration,
  'docs/reference/codes.md': renderCodes,
  'docs/reference/commands.md': renderCommands,
  'docs/reference/licences.md': renderLicences,
  'docs/reference/routes.md': async () => renderRoutes(await renderOpenApi()),
  'docs/operate/runbook.md': renderRunbook,
  'docs/reference/source-description.md': renderSourceReference,
  'observability/prometheus/rules/alerts.yml': renderAlertRules,
  'observability/grafana/dashboards/integrasi-kki.json': renderDashboard,
  'contracts/sidecar.openapi.json': renderOpenApi,
  'contracts/source.schema.json': renderSourceSchema,
  'contracts/file-source.schema.json': renderFileSourceSchema,
  ...payloadSchemaFiles
}

const isCheck = process.argv.includes('--check')
const stale: string[] = []
for (const [name, render] of Object.entries(generated)) {
  const file = fileURLToPath(new URL(`../../${name}`, import.meta.url))
  const text = await render()
  if (text === (await readFile(file, 'utf8').catch(() => null))) continue
  if (isCheck) stale.push(name)
  else await writeFile(file, text)
}
for (const name of stale) console.error(`${name} is stale: run "npm run generate" and commit what changed`)
process.exitCode = stale.length > 0 ? 1 : 0

async function renderOpenApi(): Promise<string> {
  const config = loadConfig({}, { talksToKki: false })
  const app = await buildApp(config, { withoutServices: true, logger: pino({ level: 'silent' }) })
  try {
    return `${JSON.stringify(app.swagger(), null, 2)}\n`
  } finally {
    await app.close()
  }
}
