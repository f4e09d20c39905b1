import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maskRow } from '../../sidecar/review/mask.ts'
import { tracesIn } from '../helpers/search.ts'
import { spelled } from '../odoo/helpers/awkward-feed.ts'

const fields = { nik: '/nik', strNumber: '/nomor_str' }
const mask = (row: unknown, hasStr = true) =>
  maskRow(typeof row === 'string' ? row : JSON.stringify(row), { fields } as never, hasStr)

test('shows a row verbatim, without a digit of its NIK', () => {
  assert.deepEqual(
    mask({ nik: '3171014502900777', nama: 'Siti', tahun_lulus: 2012, diubah_pada: '2026-01-01T00:00:00Z' }),
    {
      nik: '****************',
      nama: 'Siti',
      tahun_lulus: 2012,
      diubah_pada: '2026-01-01T00:00:00Z'
    }
  )
})

test('hides a NIK that came as a number, in another field, with separators, or as part of a text', () => {
  const text = JSON.stringify(
    mask(
      '{"nik": 3171014502900777, "nama": "3171014502900777", "catatan": {"ktp": ["3171.0145.0290.0777"], "x": "ktp 3171014502900777!"}, "no": 3171014502900777}'
    )
  )
  assert.ok(!/\d{3}/.test(text), text)
})

test('shows the STR if it is valid; otherwise it may be a NIK', () => {
  assert.deepEqual(mask({ nomor_str: '3111100220999999', nik: '3171014502900777' }), {
    nomor_str: '3111100220999999',
    nik: '****************'
  })
  assert.deepEqual(mask({ nomor_str: '3171014502900777', nik: null }, false), {
    nomor_str: '****************',
    nik: null
  })
})

test('accepts a row that is not an object', () => {
  assert.equal(mask('"3171014502900777"'), '****************')
  assert.equal(mask('null'), null)
})

test('hides an identity number in any spelling', () => {
  const nik = '3171015507900007'
  for (const [how, spell] of Object.entries(spelled)) {
    const row = { nama: 'Siti', catatan: { ktp: [`Budi ${spell(nik)} Rekaan`] }, [spell(nik)]: true }
    assert.deepEqual(tracesIn('here', JSON.stringify(mask(row)), [nik.slice(0, 12)]), [], how)
  }
})
