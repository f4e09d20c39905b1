import assert from 'node:assert/strict'
import { test } from 'node:test'
import { escapeUnprintable, isPrintableLine, quote } from '../../sidecar/platform/printable-text.ts'
import { forged, honest } from '../helpers/forged.ts'

/** Written apart from the code under test. Unicode 16 is older than the characters of this Node. */
const obeyed = /[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

test('a line is printable unless it has control or invisible characters', () => {
  for (const [what, text] of Object.entries(honest)) assert.ok(isPrintableLine(text), what)
  for (const [what, text] of Object.entries(forged)) assert.ok(!isPrintableLine(text), what)
  for (const text of ['', ' ', ' Checked', 'Checked ', '\u00a0Checked', 'half \ud800'])
    assert.ok(!isPrintableLine(text))
})

test('an escaped text is one line that shows every character', () => {
  for (const [what, text] of Object.entries(honest)) assert.equal(escapeUnprintable(text), text, what)
  assert.equal(escapeUnprintable('a\n\u001b[2K\u202e\u{e0041}'), 'a\\u000a\\u001b[2K\\u202e\\udb40\\udc41')
  for (let point = 0; point <= 0x10ffff; point++) {
    const escaped = escapeUnprintable(`a${String.fromCodePoint(point)}b`)
    if (obeyed.test(escaped) || !/^a.+b$/u.test(escaped)) assert.fail(`U+${point.toString(16)} becomes ${escaped}`)
  }
})

test('a quoted text ends only at its quote, and can be parsed back', () => {
  const texts = [...Object.values(forged), ...Object.values(honest), 'a", "b', 'a\\', '\\u000a', '\ud800']
  for (const text of texts) {
    const quoted = quote(text)
    assert.match(quoted, /^"(?:[^"\\]|\\.)*"$/u)
    assert.ok(!obeyed.test(quoted))
    assert.equal(JSON.parse(quoted), text)
  }
})
