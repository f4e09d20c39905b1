/**
 * Writes a CycloneDX document of the packages in the production image, without asking a registry. `npm sbom --omit dev`
 * would leave out each package that a development dependency needs as well (npm 11: `jose`, `ms` and 21 more). So all
 * packages are listed, and those are removed that the lock file marks as development only.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface Document {
  components: { 'bom-ref': string; name: string; version: string }[]
  dependencies: { ref: string; dependsOn: string[] }[]
}

const cwd = fileURLToPath(new URL('..', import.meta.url))
const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only']
const document = JSON.parse(execFileSync('npm', args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 })) as Document
const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, { version: string; dev?: boolean; optional?: boolean; devOptional?: boolean }>
}
const installed = new Set(
  Object.entries(packages)
    .filter(([, { dev, optional, devOptional }]) => !dev && !optional && !devOptional)
    .map(
      ([place, { version }]) => `${place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`
    )
)
const left = document.components.filter(({ name, version }) => !installed.has(`${name}@${version}`))
const gone = new Set(left.map(component => component['bom-ref']))
document.components = document.components.filter(component => !gone.has(component['bom-ref']))
document.dependencies = document.dependencies
  .filter(({ ref }) => !gone.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(other => !gone.has(other)) }))
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
