import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import type { Command } from 'commander'
import { parse } from 'yaml'
import { createProgram } from '../../sidecar/cli/program.ts'
import { roleAllows, roles } from '../../sidecar/platform/roles.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { anchorsOf, find, markdown, placeOf, read, type ShellBlock, shellBlocks, withoutBlocks } from './helpers.ts'

const program = createProgram()

describe('the pages', () => {
  test('can all be reached from README.md by links', () => {
    const reached = new Set<string>()
    const open = ['README.md']
    for (let page = open.pop(); page !== undefined; page = open.pop()) {
      if (reached.has(page)) continue
      reached.add(page)
      for (const [, target = ''] of read(page).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        const place = path.join(path.dirname(page), target)
        if (place.endsWith('.md') && !/^[a-z]+:/.test(target) && existsSync(placeOf(place))) open.push(place)
      }
    }
    const all = markdown()
    assert.ok(all.length > 35, String(all.length))
    assert.deepEqual(
      all.filter(page => !reached.has(page)),
      []
    )
  })

  test('have an index in each folder, which links to each page of the folder', () => {
    const folders = new Set(find('docs/**/*.md').map(page => path.dirname(page)))
    assert.ok(folders.size >= 6)
    const missing = [...folders].flatMap(folder => {
      const index = read(`${folder}/README.md`)
      return find(`${folder}/*.md`).filter(page => !/README/.test(page) && !index.includes(`](${path.basename(page)}`))
    })
    assert.deepEqual(missing, [])
  })

  test('are named correctly in code, settings, texts and tests', () => {
    const files = find(
      '{sidecar,simulator,test,tools,bench,chaos,contracts,deploy,observability,odoo_addons}/**/*.{ts,js,py,sql,xml,yml,yaml,json,sh,service,cfg,csv}',
      'docs/**/*.ts',
      '*.{yml,json}',
      '.github/**/*.yml',
      'Dockerfile'
    ).filter(file => !file.includes('node_modules'))
    const wrong: string[] = []
    let count = 0
    for (const file of files) {
      for (const [, up = '', named = '', anchor] of read(file).matchAll(
        /(?<![\w/.-])((?:\.\.\/)*)(docs\/[\w./-]+\.(?:md|sql|png|json|ts))(?:#([\w-]+))?/g
      )) {
        count++
        const page = up === '' ? named : path.join(path.dirname(file), up, named)
        const isThere = existsSync(placeOf(page)) && (anchor === undefined || anchorsOf(read(page)).has(anchor))
        if (!isThere) wrong.push(`${file}: ${page}${anchor === undefined ? '' : `#${anchor}`}`)
      }
    }
    assert.deepEqual(wrong, [])
    assert.ok(count > 150, String(count))
  })

  test('quote figures that the page with the measurement has', () => {
    const items = read('README.md').split(/^(?=- |#)/m)
    let count = 0
    for (const item of items) {
      const [, page] = /\((docs\/explain\/(?:performance|chaos)\.md)\)/.exec(item) ?? []
      if (page === undefined) continue
      for (const [, figure = ''] of item.matchAll(/(\d[\d,.]*)(?= (?:rows\/s|MB|runs))/g)) {
        count++
        assert.ok(new RegExp(`(?<![\\d,.])${figure}(?![\\d,.]*\\d)`).test(read(page)), `${page} has ${figure}`)
      }
    }
    assert.ok(count >= 4, String(count))
  })

  test('give Odoo’s key each scope that one of its roles needs, and so does the compose file', () => {
    const needed = scopes.filter(scope => scope === 'actor:delegate' || roles.some(role => roleAllows(role, scope)))
    const service = (parse(read('docker-compose.odoo.yml')) as { services: Record<string, { command: string }> })
      .services['odoo-api-key']
    const page = shellBlocks('docs/operate/odoo.md').find(({ text }) => text.includes('keys create odoo'))
    for (const command of [service?.command, page?.text.replaceAll('\\\n', '')]) {
      const given = command?.split('--scope')[1]?.trim().split(/\s+/) ?? []
      assert.deepEqual(given.toSorted(), needed.toSorted())
    }
  })
})

describe('the words of screens in the pages', () => {
  const english = termsOf('odoo_addons/*/i18n/*.pot', 'msgid')
  const indonesian = termsOf('odoo_addons/*/i18n/id.po', 'msgstr')
  const pages = [
    ['docs/operators/guide.md', english],
    ['docs/operators/panduan.md', indonesian],
    ['docs/explain/privacy.md', english],
    ['docs/explain/privacy.id.md', indonesian],
    ['docs/operate/odoo.md', english],
    ['docs/operate/watermark.md', english],
    ['docs/operate/backup-and-restore.md', english],
    ['docs/integrate/files.md', english]
  ] as const

  for (const [page, terms] of pages) {
    test(`${page} names only words that Odoo shows`, () => {
      const text = withoutBlocks(read(page)).replace(/`[^`]*`/g, '')
      const named = [...text.matchAll(/(?<![\w*])_([^_\n]+(?:\n[^_\n]+)?)_(?!\w)/g)]
      const words = named.flatMap(([, label = '']) => label.replace(/\n */, ' ').split(' → '))
      assert.ok(words.length > 0)
      assert.deepEqual(
        words.filter(word => !terms.has(word)),
        []
      )
    })
  }
})

/** The texts of one kind (`msgid`, `msgstr`) in these catalogues. */
function termsOf(pattern: string, kind: string): Set<string> {
  const entries = find(pattern).flatMap(file => [...read(file).matchAll(new RegExp(`^${kind} ((?:".*"\n)+)`, 'gm'))])
  return new Set(
    entries.map(([, lines = '']) =>
      [...lines.matchAll(/"(.*)"/g)].map(([, part = '']) => part.replaceAll('\\"', '"')).join('')
    )
  )
}

describe('each block of commands in the pages', () => {
  const blocks = markdown().flatMap(shellBlocks)

  test('is run by a test, or says that it was not run', () => {
    assert.ok(blocks.length > 35, String(blocks.length))
    const unclear = blocks.filter(({ runBy, text }) => runBy.length > 0 === /^# not run here: ./.test(text))
    assert.deepEqual(unclear.map(titleOf), [])
  })

  test('names tests that call its commands', () => {
    const wrong = blocks.flatMap(block => {
      if (block.runBy.length === 0) return []
      const missing = block.runBy.filter(file => !existsSync(placeOf(file)))
      if (missing.length > 0) return [`${titleOf(block)}: ${missing}`]
      // A test that reads the page runs its blocks as they are written.
      const tests = block.runBy.map(read).join('\n')
      if (tests.includes(`'${block.file}'`)) return []
      return commandsOf(block.text)
        .filter(names => !names.every(name => tests.includes(`'${name}'`)))
        .map(names => `${titleOf(block)}: ${names.join(' ')}`)
    })
    assert.deepEqual(wrong, [])
  })
})

function titleOf({ file, line }: ShellBlock): string {
  return `${file}:${line}`
}

/** The names of the commands of `sdmk` that a block calls, such as `keys` and `create`. */
function commandsOf(text: string): string[][] {
  const code = text.replace(/(?<= |^)#.*$/gm, '').replaceAll('\\\n', ' ')
  const calls = code.matchAll(/(?:\bsdmk(?: --)?|npm run) ((?:[a-z][a-z-]*(?: |$))+)/gm)
  return [...calls].map(([, words = '']) => namesOf(words.trim().split(' '))).filter(names => names.length > 0)
}

/** The first words, as long as they are names of commands below each other. */
function namesOf(words: string[]): string[] {
  const names: string[] = []
  let command: Command | undefined = program
  for (const word of words) {
    command = command.commands.find(child => child.name() === word)
    if (command === undefined) break
    names.push(word)
  }
  return names
}
