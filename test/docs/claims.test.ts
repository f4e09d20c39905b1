import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { parse } from 'yaml'
import openapi from '../../contracts/sidecar.openapi.json' with { type: 'json' }
import packageJson from '../../package.json' with { type: 'json' }
import { createProgram } from '../../sidecar/cli/program.ts'
import { variables } from '../../sidecar/environment.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
const find = (pattern: string) => globSync(pattern, { cwd: root }).sort()

interface Described {
  responses: Record<string, { headers?: Record<string, object> }>
}

/** Text that people follow. The changelog is left out, because it also describes former versions. */
const pages = [
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', '.env.example', 'docker-compose.odoo.yml', 'Dockerfile'],
  ...find('docs/**/*.md'),
  ...find('odoo_addons/*/README.rst'),
  ...find('deploy/**/*.{sh,service,hcl}')
].map(file => ({ file, text: read(file) }))

/** Calls `check` with each match of the pattern; all errors are reported at once. */
function everyMatch(pattern: RegExp, check: (match: RegExpMatchArray) => boolean, leastCount: number) {
  const wrong: string[] = []
  let count = 0
  for (const { file, text } of pages) {
    for (const match of text.matchAll(pattern)) {
      count++
      if (check(match)) continue
      const line = text.slice(0, match.index).split('\n').length
      wrong.push(`${file}:${line}: ${match[0]}`)
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(count >= leastCount, `${count} were looked at`)
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replace(/^```.*?^```/gms, '').matchAll(/^#{1,6} +(.+?) *$/gm)
  return new Set(
    [...headings].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
        .replaceAll(' ', '-')
    )
  )
}

describe('the documents', () => {
  test('link to existing files and headings', () => {
    const wrong: string[] = []
    let count = 0
    for (const { file, text } of [...pages, { file: 'CHANGELOG.md', text: read('CHANGELOG.md') }]) {
      if (!file.endsWith('.md')) continue
      for (const [, target = ''] of text.replace(/^```.*?^```/gms, '').matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue
        count++
        const [to = '', anchor] = target.split('#')
        const place = to === '' ? file : path.join(path.dirname(file), to)
        const isThere = existsSync(path.join(root, place))
        const hasAnchor = anchor === undefined || (isThere && anchorsOf(read(place)).has(anchor))
        if (!isThere || !hasAnchor) wrong.push(`${file}: ${target}`)
      }
    }
    assert.deepEqual(wrong, [])
    assert.ok(count > 100, `${count} links`)
  })

  test('name existing files and folders', () => {
    const folders = 'sidecar|test|docs|deploy|observability|contracts|simulator|odoo_addons|tools|bench|chaos'
    const pattern = new RegExp(`\`((?:${folders})/[\\w./@-]+)\``, 'g')
    everyMatch(pattern, ([, place = '']) => existsSync(path.join(root, place)), 100)
  })

  test('name only settings that the program reads', () => {
    const known = new Set<string>(variables.map(([name]) => String(name)))
    // Read by OpenTelemetry's exporter, and by the tools for tests.
    for (const name of ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_RESOURCE_ATTRIBUTES', 'SDMK_ODOO_CACHE']) known.add(name)
    const codes = new Set(Object.keys(parse(read('contracts/codes.yaml'))))
    everyMatch(
      /(?<![A-Z_])(?:SDMK|KKI|OTEL|RAW)_[A-Z_]*[A-Z](?![A-Z_*])/g,
      ([name]) => known.has(name) || codes.has(name) || codes.has(name.replace(/^SDMK_/, '')),
      200
    )
  })

  test('call existing npm scripts', () => {
    const scripts = Object.keys(packageJson.scripts)
    everyMatch(/npm run (?:-s )?([a-z:]+)/g, ([, script = '']) => scripts.includes(script), 40)
  })

  test('call existing commands and options of sdmk', () => {
    const program = createProgram()
    const sources = find('sidecar/**/*.{ts,sql}').map(read).join('\n')
    // Advisory locks have names of the same form.
    const isLock = (name: string) => sources.includes(`'${name}'`)
    everyMatch(
      /(?:npm run sdmk --|(?<=`)sdmk|^(?:env \$owner )?sdmk|sidecar\/cli\/sdmk\.ts) ((?:[a-z-]+)(?:[ \t]+(?!&&|[|#&<>)]|2>)[^\s`|)]+)*)/gm,
      ([all, line = '']) => isCommand(program, line.split(/[ \t]+/)) || isLock(all),
      60
    )
  })

  test('name existing routes of the API', () => {
    const routes = Object.entries(openapi.paths).flatMap(([address, methods]) =>
      Object.keys(methods).map(method => ({
        method: method.toUpperCase(),
        pattern: new RegExp(`^${address.replace(/\{\w+\}/g, '(?:\\{\\w+\\}|\\d+|…)')}$`)
      }))
    )
    everyMatch(
      /\b(GET|POST|PUT|PATCH|DELETE) (\/(?:v1|livez|readyz)[\w/{}…-]*)/g,
      ([, method, address = '']) =>
        address.startsWith('/v1/tenaga-kesehatan') ||
        routes.some(route => route.method === method && route.pattern.test(address)),
      20
    )
  })

  test('name the requests that a standby may answer, as the API description does', () => {
    const [, section = ''] = /## Read replicas\n([\s\S]*?)\n## /.exec(read('docs/operate/cluster.md')) ?? []
    const named = [...section.matchAll(/^\| `([A-Z]+ \S+)` \|/gm)].map(([, request]) => request)
    const described = Object.entries(openapi.paths as Record<string, Record<string, Described>>).flatMap(
      ([address, item]) =>
        Object.entries(item)
          .filter(([, { responses }]) => responses['200']?.headers?.['sdmk-data-age'] !== undefined)
          .map(([method]) => `${method.toUpperCase()} ${address}`)
    )
    assert.ok(named.length >= 4, String(named.length))
    assert.deepEqual(described.toSorted(), named.toSorted())
  })

  test('name existing scopes', () => {
    const known: readonly string[] = scopes
    everyMatch(/\b(?:runs|rejections|registry|settings|audit|actor):[a-z-]+/g, ([scope]) => known.includes(scope), 20)
  })

  test('name existing metrics, and so do rules and dashboard', () => {
    const sources = find('sidecar/**/*.ts').map(read).join('\n')
    const watched = [...find('observability/**/*.{yml,ts}'), 'contracts/codes.yaml'].map(file => ({
      file,
      text: read(file)
    }))
    const recorded = new Set(
      [...read('observability/prometheus/rules/state.yml').matchAll(/record: (\S+)/g)].map(m => m[1])
    )
    const wrong: string[] = []
    let count = 0
    for (const { file, text } of [...pages, ...watched]) {
      for (const [name] of text.matchAll(
        /\bsdmk_(?:kki|odoo|audit|insecure|integration|retention|http|api)_[a-z_]*[a-z]\b/g
      )) {
        // An addon, a table, a field or a view of Odoo.
        if (!/_(total|seconds|state|ok|connection|registrations|jobs|rejections)(_bucket|_count|_sum)?$/.test(name))
          continue
        count++
        const base = name.replace(/_(bucket|count|sum)$/, '')
        if (!sources.includes(base) && !recorded.has(base)) wrong.push(`${file}: ${name}`)
      }
    }
    assert.deepEqual(wrong, [])
    assert.ok(count > 60, `${count} metrics`)
  })

  test('name existing alerts', () => {
    const rules = new Set(
      [...read('observability/prometheus/rules/alerts.yml').matchAll(/alert: (\w+)/g)].map(m => m[1])
    )
    everyMatch(
      /(?<=`|alertname=)((?:Kki|Sdmk|Audit|Odoo)[A-Z][A-Za-z]+)(?=`|\s)/g,
      ([, name = '']) => rules.has(name) || find('sidecar/**/*.ts').some(file => read(file).includes(name)),
      3
    )
  })

  test('name only codes of the catalogue', () => {
    const known = new Set(Object.keys(parse(read('contracts/codes.yaml'))))
    const others = new Set([...variables.map(([name]) => String(name)), 'SDMK_ODOO_CACHE', 'NODE_COMPILE_CACHE'])
    const sources = [...find('sidecar/**/*.{ts,sql}'), ...find('deploy/**/*'), 'docker-compose.odoo.yml', 'test/run.ts']
      .filter(file => path.extname(file) !== '')
      .map(read)
      .join('\n')
    everyMatch(
      /`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)`/g,
      ([, name = '']) => known.has(name) || others.has(name) || sources.includes(name) || /^OTEL_/.test(name),
      100
    )
  })
})

/** Whether the words begin with a command of the program, and each option is one of that command. */
function isCommand(program: Command, words: string[]): boolean {
  let command = program
  let index = 0
  for (; index < words.length; index++) {
    const next = command.commands.find(item => item.name() === words[index])
    if (!next) break
    command = next
  }
  if (command === program) return words.every(word => word.startsWith('--') && word in { '--help': 1, '--version': 1 })
  const options = words.slice(index).filter(word => /^--?[a-z]/.test(word))
  return options.every(word => {
    const name = word.split('=')[0]?.replace(/[.,;:…]+$/, '')
    return command.options.some(option => option.long === name || option.short === name) || name === '--help'
  })
}
