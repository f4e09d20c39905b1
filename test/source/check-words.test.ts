import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inPlainWords } from '../../sidecar/source/check/answer-check.ts'
import { english } from '../../sidecar/source/check/words-en.ts'
import { indonesian } from '../../sidecar/source/check/words-id.ts'

/** Has a value for every parameter of a finding. */
const params = new Proxy({}, { get: () => 'x' })

test('the findings of a check for operators name no setting', () => {
  let named = 0
  for (const [language, { findings }] of [
    ['en', english],
    ['id', indonesian]
  ] as const) {
    for (const tell of Object.values(findings) as ((p: object) => string)[]) {
      const line = tell(params)
      if (/KKI_[A-Z]/.test(line)) named++
      assert.doesNotMatch(inPlainWords(line, language), /KKI_|SDMK_|NODE_/)
    }
  }
  assert.ok(named >= 8, 'the command names settings')
  assert.equal(inPlainWords('Check KKI_BASE_URL.', 'en'), 'Check the address of KKI.')
  assert.equal(inPlainWords('Periksa KKI_BASE_URL.', 'id'), 'Periksa alamat KKI.')
})
