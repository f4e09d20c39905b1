import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkArguments } from '../../sidecar/cli/arguments.ts'
import { RequestInvalid } from '../../sidecar/errors.ts'
import { escapeUnportable, findUnportable, isPortable } from '../../sidecar/platform/portable-text.ts'
import { isSecret } from '../../sidecar/secrets/secret.ts'
import { cleanText } from '../../sidecar/transform/text.ts'
import { controls, noncharacters } from '../helpers/unportable.ts'

/** What XML 1.0 calls a character: https://www.w3.org/TR/xml/#charsets */
const xmlCharacters = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u

describe('text that every receiver can store', () => {
  test('holds no control character but tab and line ends, no half character and no noncharacter', () => {
    for (const point of [...noncharacters, ...controls]) {
      assert.equal(isPortable(`a${String.fromCodePoint(point)}b`), false, point.toString(16))
    }
    for (const half of ['\ud800', '\udfff', 'a\udc00b']) assert.equal(isPortable(half), false)
    assert.ok(isPortable('Nurʻaini\t\r\n"Ö" 😀 \u3164 \u202e \ufffd \ue000'))
  })

  test('is the result of cleaning, whatever characters a value had', () => {
    for (let point = 0; point <= 0x10ffff; point++) {
      const cleaned = cleanText(`Budi:${String.fromCodePoint(point)}: Santoso`)
      if (isPortable(cleaned) && xmlCharacters.test(cleaned) && /^Budi:.*: Santoso$/u.test(cleaned)) continue
      assert.fail(`U+${point.toString(16)} becomes ${JSON.stringify(cleaned)}`)
    }
    assert.equal(cleanText('Budi\uffff Santoso'), 'Budi Santoso')
    assert.equal(cleanText('Budi&#xFFFE; San\ufdd0toso\u{10ffff}'), 'Budi Santoso')
  })

  test('can be made of any JSON text without a change of its meaning', () => {
    for (const point of [...noncharacters, ...controls, 0xd800, 0xdfff]) {
      const value = { name: `a${String.fromCodePoint(point)}b` }
      const escaped = escapeUnportable(JSON.stringify(value))
      assert.ok(isPortable(escaped) && xmlCharacters.test(escaped), point.toString(16))
      assert.deepEqual(JSON.parse(escaped), value)
    }
  })

  test('is also required of field names, at any depth', () => {
    assert.equal(findUnportable({ a: [{ b: 'good' }, { b: 'b\ufdd0ad' }] }), '/a/1/b')
    assert.equal(findUnportable({ a: { 'b\u0007': 1 } }), '/a')
    assert.equal(findUnportable([null, 1, true, 'good']), null)
  })

  test('is required of secrets and of command line arguments', () => {
    assert.equal(isSecret({ login: 'sdmk', apiKey: 'a\u0000' }), false)
    assert.doesNotThrow(() => checkArguments(['import', 'people.csv', '--reason', 'two\nlines']))
    const field = (given: string[]) => {
      try {
        checkArguments(given)
        return null
      } catch (error) {
        assert.ok(error instanceof RequestInvalid && !error.message.includes('secret'))
        return error.field
      }
    }
    assert.equal(field(['import', '--reason', 'secret\u001b[2K']), '--reason')
    assert.equal(field(['import', '--reason=secret\ufffe']), '--reason')
    assert.equal(field(['import', 'secret\u0085.csv']), 'argument 2')
  })
})
