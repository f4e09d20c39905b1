import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rowTexts } from '../../sidecar/registry/exact-json.ts'

/** The texts of all rows of a page. */
function textsOf(body: string): string[] {
  const { data } = JSON.parse(body) as { data: unknown[] }
  return data.map((_, index) => rowTexts(Buffer.from(body), data)(index))
}

test('a number is stored with all its digits, whatever is next to it', () => {
  for (const number of ['3171234567890123456', '9007199254740993', '1.50', '1e400', '3.1712345678901234e18', '-0.10']) {
    const body = `{ "meta": { "total": 2.50 }, "data": [ { "nama": "Orang \\"Rekaan", "nik": [ ${number} ] }, {"n":1} ] }`
    assert.deepEqual(textsOf(body), [`{"nama":"Orang \\"Rekaan","nik":[${number}]}`, '{"n":1}'])
  }
})

test('if a key stands twice, the last one counts', () => {
  assert.deepEqual(textsOf('{"data":[{"n":1.50,"n":2}],"data":[{"n":1.50,"n":2.50}]}'), ['{"n":2.50}'])
})

test('a row that is nested too deeply is cut, and its neighbours keep their numbers', () => {
  const deep = '['.repeat(6000) + ']'.repeat(6000)
  const [first, second] = textsOf(`{"data":[{"a":${deep},"n":1.50},{"n":1.50}]}`)
  assert.ok((first as string).length < 200 && (first as string).endsWith(',"n":1.50}'), first?.slice(0, 200))
  assert.equal(second, '{"n":1.50}')
  const [cut] = textsOf(`{"data":[{"a":${deep},"n":1}]}`)
  assert.equal(cut, first?.replace('1.50', '1'))
})
