import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runFile } from '../e2e/process.ts'
import { whyNoOdoo } from '../helpers/odoo.ts'

const main = fileURLToPath(new URL('../../chaos/main.ts', import.meta.url))
const limitMs = 420_000
const skip = await whyNoOdoo()

test('whatever strikes in the hardest moments, nothing is lost or doubled, and a missing safety is noticed', {
  skip
}, async t => {
  const { code, stdout, stderr } = await runFile(main, ['--short', '--out', '.data/chaos-short.jsonl'], {}, limitMs)
  t.diagnostic(stdout)
  assert.equal(code, 0, `${stdout}\n${stderr}`)
})
