import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string) => readFileSync(`${root}${file}`, 'utf8')
const [table = '', proofs = ''] = read('docs/threat-model.md').split('## Tests that attack')
const named = [...proofs.matchAll(/^- `([^`]+)`: (.+)$/gm)].map(([, file = '', name = '']) => ({ file, name }))

/** The names of the tests in a file, as they stand in its text. */
function testsOf(file: string): string[] {
  const found = read(file).matchAll(/\btest\(\s*(?:'((?:[^'\\]|\\.)*)'|`([^`]*)`)/g)
  return [...found].map(([, plain, template]) => plain ?? template ?? '')
}

/** By its place or by its name, a file that does nothing but attack. */
function isAttack(file: string): boolean {
  return file.startsWith('test/security/') || /^describe\(\s*'(attack|an attacker)/m.test(read(file))
}

test('each test that the threat model names is there', () => {
  assert.ok(named.length > 40, String(named.length))
  for (const { file, name } of named) assert.ok(testsOf(file).includes(name), `${file}: ${name}`)
})

test('each test that attacks is named in the threat model', () => {
  const attacks = globSync('test/**/*.test.ts', { cwd: root }).filter(isAttack)
  assert.ok(attacks.length >= 6, attacks.join())
  const tests = attacks.flatMap(file => testsOf(file).map(name => ({ file, name })))
  const missing = tests.filter(one => !named.some(({ file, name }) => file === one.file && name === one.name))
  assert.deepEqual(missing, [])
})

test('each attacker has what they hold, cannot do and still can, and a test', () => {
  const rows = [...table.matchAll(/^\| (\d+) \| \*\*(.+?)\*\* \|(.+)\|$/gm)]
  assert.ok(rows.length >= 12)
  for (const [, number, attacker, rest = ''] of rows) {
    for (const cell of rest.split('|')) assert.match(cell, /\w{3}/, attacker)
    assert.match(proofs, new RegExp(`^### ${number}\\. .+\\n\\n- \``, 'm'), attacker)
  }
})
