import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holdsIdentityNumber } from '../../sidecar/platform/identity-number.ts'
import { spelled } from '../odoo/helpers/awkward-feed.ts'

const groups = ['3273', '0117', '0885', '0017']
const digits = groups.join('')
const inScript = (zero: number) => Array.from(digits, digit => String.fromCodePoint(zero + Number(digit))).join('')

test('an identity number is found with any separators between its digits', () => {
  const separators = [
    '',
    ' ',
    '-',
    '–',
    '—',
    '−',
    '.',
    ':',
    '/',
    ' / ',
    ', ',
    '·',
    '\u00a0',
    '\u200b',
    '\t',
    '_',
    '|',
    ') (',
    '\n',
    "'"
  ]
  for (const separator of separators) assert.ok(holdsIdentityNumber(`NIK ${groups.join(separator)}`), separator)
  assert.ok(holdsIdentityNumber(Array.from(digits).join(' - ')))
})

test('an identity number is found in digits of any script', () => {
  for (const zero of [0xff10, 0x0660, 0x06f0, 0x0966, 0x1b50, 0xa9d0, 0x1d7ce]) {
    assert.ok(holdsIdentityNumber(`NIK ${inScript(zero)}`), zero.toString(16))
  }
  assert.ok(holdsIdentityNumber('³²⁷³⁰¹¹⁷⁰⁸⁸⁵⁰⁰¹⁷'))
  assert.ok(holdsIdentityNumber('③②⑦③⓪①①⑦⓪⑧⑧⑤⓪⓪①⑦'))
})

test('shorter numbers and numbers with words between them are not identity numbers', () => {
  for (const text of [
    '',
    'Budi',
    'Universitas Contoh 2003-2010, tel. 0812-3456-78901',
    '081234567890123',
    '2026-11-20T03:00:00+07:00'
  ]) {
    assert.ok(!holdsIdentityNumber(text), text)
  }
})

test('an identity number is found in every notation and encoding, anywhere in a text', () => {
  for (const [how, spell] of Object.entries(spelled)) {
    for (const text of [spell(digits), `Budi ${spell(digits)} Rekaan`, `x${spell(digits)}`]) {
      assert.ok(holdsIdentityNumber(text), `${how}: ${text}`)
    }
    assert.ok(!holdsIdentityNumber(`Budi ${spell('0117')} Rekaan`), `${how}: four digits`)
  }
})

test('encoded texts without an identity number are accepted', () => {
  const texts = ['Universitas Contoh, tel. 021 5550123', 'https://kki.example/satusehat/v1/tenaga-kesehatan']
  for (const text of texts) assert.ok(!holdsIdentityNumber(Buffer.from(text).toString('base64')), text)
})
