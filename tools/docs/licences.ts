import { readFileSync } from 'node:fs'

interface Package {
  version: string
  /** An older form lists the choices. */
  license?: string | { type: string }[]
  dev?: boolean
  optional?: boolean
}

/** Returns docs/reference/licences.md: every package that production installs, indirect ones included, with its licence. */
export function renderLicences(): string {
  const lock = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')
  const { packages } = JSON.parse(lock) as { packages: Record<string, Package> }
  const installed = Object.entries(packages).filter(([place, { dev }]) => place !== '' && !dev)
  const rows = installed.map(([place, { version, license = 'none', optional }]) => ({
    name: place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length),
    version,
    license: typeof license === 'string' ? license : license.map(({ type }) => type).join(' OR '),
    optional: optional ? 'yes' : ''
  }))
  const lines = [
    ...new Set(rows.map(row => `| \`${row.name}\` | ${row.version} | ${row.license} | ${row.optional} |`))
  ].sort()
  const counts = Object.entries(Object.groupBy(rows, ({ license }) => license))
    .map(([license, found = []]) => `${license} (${found.length})`)
    .sort()
  return `${introduction}\nLicences: ${counts.join(', ')}.\n\n${header}\n${lines.join('\n')}\n`
}

const introduction = `# Licences

Generated from \`package-lock.json\` by \`npm run generate\`: every package that a production installation has, indirect ones included.
Optional ones are the programs of the embedded PostgreSQL for one machine; the image is built without them. A test allows permissive licences only
([dependencies](../explain/dependencies.md)). \`npm run -s sbom\` prints the same as a CycloneDX document.
`

const header = '| Package | Version | Licence | Optional |\n| --- | --- | --- | --- |'
