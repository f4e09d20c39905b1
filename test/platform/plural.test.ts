import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counted, plural } from '../../sidecar/platform/plural.ts'
import { english } from '../../sidecar/source/check/words-en.ts'

test('one is singular, and every other count plural', () => {
  assert.deepEqual(
    [0, 1, 2].map(count => counted(count, 'row')),
    ['0 rows', '1 row', '2 rows']
  )
  assert.equal(counted(1, 'batch', 'batches'), '1 batch')
  assert.equal(counted(3, 'batch', 'batches'), '3 batches')
  assert.equal(plural('1', 'is', 'are'), 'is')
})

test('no finding of a check says "1 rows" or "1 have", with every number 1', () => {
  const counts = ['rows', 'of', 'hours', 'received', 'asked', 'total', 'outside', 'expected', 'hidden', 'rowsPerSecond']
  const params = Object.fromEntries(counts.map(name => [name, 1]))
  const ones = Object.values(english.findings).map(say => say(params))
  const texts = [...ones, english.pages(1, 1, 1)]
  for (const text of texts)
    assert.doesNotMatch(text, /\b1 (?:\w+ )?(?:rows|values|names|NIKs|hours|pages|are|have|were)\b/)
})
