import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../e2e/helpers.ts'
import { runFile } from '../e2e/process.ts'
import { whyNoOdoo } from '../helpers/odoo.ts'

const chaos = fileURLToPath(new URL('../../chaos/main.ts', import.meta.url))
const limitMs = 2_400_000
const skip = await whyNoOdoo()

test('the hardest faults lose nothing, and a loss without a safety is noticed', {
  skip,
  timeout: limitMs
}, async t => {
  const out = path.join(await temporaryFolder(t), 'results.jsonl')
  const { code, stdout, stderr } = await runFile(chaos, ['--short', '--seed', '21', '--out', out], {}, limitMs)
  t.diagnostic(stdout)
  assert.equal(code, 0, `${stdout}\n${stderr}`)
})
