import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../sidecar/registry', import.meta.url))

/** A relation, and no function. */
const relation = '((?:[a-z]+\\.)?[a-z_]+)\\b(?![.\\w]*\\s*\\()'
const patterns = {
  reads: [
    new RegExp(`\\b(?:from|join|using) ${relation}`, 'g'),
    // The second one of a list, with or without an alias before the comma.
    new RegExp(`\\b(?:from|using) [a-z_.]+(?: [a-z]+)?, ${relation}`, 'g'),
    /\bsdmk\.lookalikes\('([a-z_.]+)', '([a-z_.]+)'\)/g
  ],
  writes: [/\b(?:create temp (?:table|view)|insert into|delete|(?<!do |for |key )update) ([a-z_.]+)/g],
  made: [/\bcreate temp (?:table|view) ([a-z_]+)/g],
  commonTables: [/\b([a-z_]+) as (?:not )?(?:materialized )?\(/g]
}

/** The relations that a step names, but for those that it makes for itself. */
function relationsOf(text: string): { reads: string[]; writes: string[] } {
  const code = text
    .replace(/--.*$/gm, '')
    .replace(/\s+/g, ' ')
    .replace(/ distinct from /g, ' = ')
    .replace(/ lateral /g, ' ( ')
    .replace(/\bdelete from /g, 'delete ')
  const found = (kind: keyof typeof patterns) =>
    patterns[kind].flatMap(pattern => [...code.matchAll(pattern)].flatMap(match => match.slice(1) as string[]))
  const own = [...found('made'), ...found('commonTables')]
  return {
    reads: [...new Set(found('reads'))].filter(name => !own.includes(name)).sort(),
    writes: [...new Set(found('writes'))].sort()
  }
}

for (const file of globSync('**/*.sql', { cwd: folder })) {
  test(`${file} names the relations that it reads and writes at its beginning`, () => {
    const text = readFileSync(`${folder}/${file}`, 'utf8')
    const { reads, writes } = relationsOf(text)
    const list = (names: string[]) => names.join(', ') || 'nothing'
    assert.deepEqual(text.split('\n').slice(0, 2), [`-- reads: ${list(reads)}`, `-- writes: ${list(writes)}`])
  })
}
