import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { actionWords, auditActions } from '../../sidecar/audit/actions.ts'

const folder = fileURLToPath(new URL('../../sidecar', import.meta.url))

/** Returns every text in the code that looks like an action and is in the place of an action. */
function writtenActions(): Set<string> {
  const found = new Set<string>()
  for (const file of globSync('**/*.ts', { cwd: folder })) {
    const text = readFileSync(`${folder}/${file}`, 'utf8')
    for (const [line] of text.matchAll(/^.*\baction\b\s*[:=].*$|^.*sealUnfit = .*$/gm)) {
      for (const [, action] of line.matchAll(/'([a-z_]+\.[a-z_]+)'/g)) found.add(action as string)
    }
  }
  return found
}

test('every action that the code writes has words in both languages, and no other has', () => {
  const written = [...writtenActions()].sort()
  assert.ok(written.length > 40)
  assert.deepEqual(Object.keys(auditActions).sort(), written)
  for (const [action, { en, id }] of Object.entries(auditActions)) {
    assert.ok(en && id && (en as string) !== id, action)
    assert.equal(actionWords(action, 'id'), id)
  }
})

test('an action of a former release is called by its code', () => {
  assert.equal(actionWords('batch.forgotten', 'id'), 'batch.forgotten')
})
