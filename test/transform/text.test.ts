import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleanText, foldWord } from '../../sidecar/transform/text.ts'

test('entities are decoded, also if escaped twice, and their text is cleaned', () => {
  assert.equal(cleanText('Nur&#039;aini'), "Nur'aini")
  assert.equal(cleanText('A &amp;amp; B'), 'A & B')
  assert.equal(cleanText('A&#1;B&nbsp; C'), 'A B C')
  assert.equal(cleanText('R&D'), 'R&D')
})

test('blanks are folded, control characters and lone surrogates removed, and composed letters kept', () => {
  assert.equal(cleanText(' a\u0000b\t\r\nc '), 'a b c')
  assert.equal(cleanText('a\ud800'), 'a\ufffd')
  assert.equal(cleanText('a\u200bb\u00ad'), 'ab')
  assert.equal(cleanText('e\u0301'), 'é')
})

test('code words are compared without case, blanks, underscores and hyphens', () => {
  for (const word of ['tidak aktif', 'TIDAK_AKTIF', 'Tidak-Aktif', ' tidak _ aktif']) {
    assert.equal(foldWord(word), 'TIDAK_AKTIF')
  }
})

test('invisible characters are not a text', () => {
  for (const code of [
    0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180b, 0x200b, 0x202e, 0x2060, 0x2066, 0x2800, 0x3164, 0xfe0f, 0xfeff,
    0xffa0, 0xe0100
  ]) {
    const hidden = String.fromCodePoint(code)
    assert.equal(cleanText(hidden), '', code.toString(16))
    assert.equal(cleanText(`${hidden}Budi${hidden}`), 'Budi', code.toString(16))
  }
  assert.equal(cleanText('Budi\u3164Santoso'), 'Budi Santoso')
})
