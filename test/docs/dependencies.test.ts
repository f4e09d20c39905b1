import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
const page = read('docs/explain/dependencies.md')
const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>

/** Name, why, keeper and licence of each line, of the part of the page under this heading. */
function rowsUnder(heading: string): string[][] {
  const part = page.split(/^## /m).find(text => text.startsWith(heading)) ?? ''
  return [...part.matchAll(/^\| `([^`]+)` *\|(.+)\|$/gm)].map(([, name = '', rest = '']) => [
    name,
    ...rest.split('|').map(cell => cell.trim())
  ])
}

test('the page names every direct dependency, its purpose and its maintainer', () => {
  for (const [heading, named] of [
    ['At run time', dependencies],
    ['For development alone', devDependencies]
  ] as const) {
    const rows = rowsUnder(heading)
    assert.deepEqual(rows.map(([name]) => name).toSorted(), Object.keys(named ?? {}).toSorted(), heading)
    for (const row of rows) assert.ok(row.length === 4 && row.every(cell => cell.length > 1), row.join(' | '))
  }
})

test('its licences match the installed packages', () => {
  for (const [name, , , licence] of [...rowsUnder('At run time'), ...rowsUnder('For development alone')]) {
    const installed = JSON.parse(read(`node_modules/${name}/package.json`)) as { license: string }
    assert.equal(licence, installed.license, name)
  }
})

test('every installed package has a permissive licence, apart from one that tests use unchanged', () => {
  const permissive = /^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|Unlicense|CC0-1\.0|Python-2\.0)$/
  const { packages } = JSON.parse(read('package-lock.json')) as {
    // An older form lists the choices.
    packages: Record<string, { license?: string | { type: string }[]; dev?: boolean }>
  }
  for (const [place, { license = 'none', dev = false }] of Object.entries(packages)) {
    if (place === '') continue
    // MPL-2.0 asks for the source of changed files, of those who pass them on.
    if (dev && place === 'node_modules/axe-core' && license === 'MPL-2.0') continue
    const choices =
      typeof license === 'string' ? license.replace(/[()]/g, '').split(' OR ') : license.map(({ type }) => type)
    const isFree = choices.some(choice => choice.split(' AND ').every(part => permissive.test(part)))
    assert.ok(isFree, `${place}: ${choices}`)
  }
})

test('npm run sbom lists the packages of production with version and hash, as the page of licences does, and names no registry', () => {
  const cwd = fileURLToPath(new URL('../../', import.meta.url))
  const text = execFileSync('npm', ['run', '-s', 'sbom'], { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 })
  const { bomFormat, components } = JSON.parse(text) as {
    bomFormat: string
    components: { name: string; version: string; hashes?: unknown[] }[]
  }
  assert.equal(bomFormat, 'CycloneDX')
  const licences = read('docs/reference/licences.md')
  const names = components.map(({ name }) => name)
  for (const name of Object.keys(dependencies ?? {})) assert.ok(names.includes(name), name)
  for (const name of ['oidc-provider', 'typescript', 'recheck']) assert.ok(!names.includes(name), name)
  const required = [...licences.matchAll(/^\| `(.+)` \| (.+) \| .+ \| {2}\|$/gm)].map(([, name]) => name)
  assert.deepEqual(new Set(names), new Set(required), 'as many as the page of licences has')
  for (const { name, version, hashes } of components) {
    assert.ok(version && hashes?.length, name)
    assert.ok(licences.includes(`| \`${name}\` | ${version} |`), name)
  }
  assert.doesNotMatch(text, /"url":|registry\.npm/)
})
