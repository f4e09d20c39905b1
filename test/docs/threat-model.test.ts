import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string) => readFileSync(`${root}${file}`, 'utf8')
const [table = '', proofs = ''] = read('docs/explain/threat-model.md').split('## Tests that attack')
const named = [...proofs.matchAll(/^- `([^`]+)`: (.+)$/gm)].map(([, file = '', name = '']) => ({ file, name }))

/** Returns the titles of the tests in a file, as written in the source. */
function testsOf(file: string): string[] {
  if (file.endsWith('.py')) return [...read(file).matchAll(/^ +def (test_\w+)/gm)].map(([, name = '']) => name)
  const found = read(file).matchAll(/\btest\(\s*(?:'((?:[^'\\]|\\.)*)'|`([^`]*)`)/g)
  return [...found].map(([, plain, template]) => plain ?? template ?? '')
}

/** A group of tests or a class of them that says so. */
const attacks = /^describe\(\s*'(attack|an attacker)|^class Test.+:\n {4}"""An attacker/m

/** By its place or by its name, a file that does nothing but attack. */
function isAttack(file: string): boolean {
  return file.startsWith('test/security/') || attacks.test(read(file))
}

test('each test that the threat model names exists', () => {
  assert.ok(named.length > 40, String(named.length))
  for (const { file, name } of named) assert.ok(testsOf(file).includes(name), `${file}: ${name}`)
})

test('the threat model names each test that attacks', () => {
  const files = globSync(['test/**/*.test.ts', 'odoo_addons/*/tests/test_*.py'], { cwd: root }).filter(isAttack)
  assert.ok(files.length >= 10, files.join())
  const tests = files.flatMap(file => testsOf(file).map(name => ({ file, name })))
  const missing = tests.filter(one => !named.some(({ file, name }) => file === one.file && name === one.name))
  assert.deepEqual(missing, [])
})

test('each attacker has a row with all columns, and a test', () => {
  const rows = [...table.matchAll(/^\| (\d+) \| \*\*(.+?)\*\* \|(.+)\|$/gm)]
  assert.ok(rows.length >= 12)
  for (const [, number, attacker, rest = ''] of rows) {
    for (const cell of rest.split('|')) assert.match(cell, /\w{3}/, attacker)
    assert.match(proofs, new RegExp(`^### ${number}\\. .+\\n\\n- \``, 'm'), attacker)
  }
})
