import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cutList } from '../../sidecar/platform/json-list.ts'

function cut(text: string) {
  const { list, rest } = cutList(Buffer.from(text), 'data')
  return { texts: Array.from({ length: list.length }, (_, i) => list.text(i)), values: [...list], rest }
}

test('the items of any list are cut where they stand, whatever they hold and however the text is laid out', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue()),
      fc.jsonValue(),
      fc.constantFrom(undefined, 1, '\t'),
      fc.boolean(),
      (data, meta, indent, isMetaFirst) => {
        const text = JSON.stringify(isMetaFirst ? { meta, data } : { data, meta }, null, indent)
        const { values, rest } = cut(text)
        const { data: items, ...others } = JSON.parse(text)
        assert.deepEqual(values, items)
        assert.deepEqual(JSON.parse(rest), { ...others, data: [] })
      }
    )
  )
})

test('quotes, brackets and backslashes within texts end no item', () => {
  const items = ['{"nama":"Siti \\"[,]}\\\\"}', '"\\\\\\""', '[["]"],{"a":{}}]', '-1.50e3', 'null', '{"é":"ß€"}']
  const { texts, rest } = cut(`{"data":[${items.join(' , ')}],"meta":{"data":[1]}}`)
  assert.deepEqual(texts, items)
  assert.equal(rest, '{"data":[],"meta":{"data":[1]}}')
  assert.deepEqual(cut('{"data":[]}').texts, [])
})

test('of two lists the last counts, as it does for who reads the text', () => {
  assert.deepEqual(cut('{"data":[1,2],"data":[3]}').texts, ['3'])
  assert.deepEqual(cut('{"d\\u0061ta":[3]}').texts, ['3'])
})

test('a byte order mark before the text changes nothing', () => {
  assert.deepEqual(cut('\u{feff}{"data":[1],"meta":2}'), { texts: ['1'], values: [1], rest: '{"data":[],"meta":2}' })
})

test('an item that is not there, or no longer, is not taken for another', () => {
  const { list } = cutList(Buffer.from('{"data":[1,2]}'), 'data')
  assert.throws(() => list.text(2), RangeError)
  list.forget()
  assert.equal(list.text(0), '')
  assert.throws(() => list.value(1), SyntaxError)
})

test('a text without such a list is all rest', () => {
  for (const text of ['{"data":null}', '[1]', '{}', 'x', '', '{"meta":{"data":[1]}}']) {
    assert.deepEqual(cut(text), { texts: [], values: [], rest: text })
  }
})

test('a text that was cut off, or is none, is no list or leaves a rest that cannot be read', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.nat(), (data, length) => {
      const whole = JSON.stringify({ data, meta: 1 })
      const text = whole.slice(0, length % whole.length)
      assert.throws(() => JSON.parse(cut(text).rest), SyntaxError)
    })
  )
  for (const text of [
    '{"data":[1,]}',
    '{"data":[,1]}',
    '{"data":[1 2]}',
    '{"data":[{]}',
    '{"data":[1]',
    '{"data":[1]]}'
  ]) {
    assert.throws(() => JSON.parse(cut(text).rest), SyntaxError, text)
  }
})
