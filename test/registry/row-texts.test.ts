import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compactExactly } from '../../sidecar/registry/exact-json.ts'
import { rowTexts } from '../../sidecar/registry/row-texts.ts'

test('the rows of any page are cut where they stand, whatever they hold and however the page is laid out', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue()),
      fc.jsonValue(),
      fc.constantFrom(undefined, 1, '\t'),
      fc.boolean(),
      (data, meta, indent, isMetaFirst) => {
        const page = JSON.stringify(isMetaFirst ? { meta, data } : { data, meta }, null, indent)
        assert.deepEqual(
          rowTexts(page).map(text => JSON.parse(text)),
          JSON.parse(page).data
        )
      }
    )
  )
})

test('quotes, brackets and backslashes within texts end no row', () => {
  const rows = ['{"nama":"Siti \\"[,]}\\\\"}', '"\\\\\\""', '[["]"],{"a":{}}]', '-1.50e3', 'null']
  assert.deepEqual(rowTexts(`{"data":[${rows.join(' , ')}],"meta":{"data":[1]}}`), rows)
  assert.deepEqual(rowTexts('{"data":[]}'), [])
})

test('of two lists of rows the last counts, as it does for who reads the page', () => {
  assert.deepEqual(rowTexts('{"data":[1,2],"data":[3]}'), ['3'])
})

test('a number too long for JavaScript is stored as it came', () => {
  assert.equal(compactExactly('{ "nik": 3171234567890123456, "n": 1.50 }'), '{"nik":3171234567890123456,"n":1.50}')
})
