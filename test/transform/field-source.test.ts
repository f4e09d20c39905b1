import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  compileSource,
  type FieldSource,
  findUnsafeToken,
  placeOf,
  pointersOf
} from '../../sidecar/transform/field-source.ts'

const record = {
  nik: '9271060312000001',
  'developer.email': 'a',
  'a/b': { '~c': 'deep' },
  name: [{ text: 'Siti Aminah' }],
  identifier: [
    { system: 'his', value: 'x' },
    { system: 'nik', value: '9271060312000002' },
    { system: 'nik', value: 'second' }
  ],
  first: 'Siti',
  middle: '  ',
  last: 'Aminah',
  status: 1,
  active: false,
  big: 2 ** 53,
  year: ' 2010 ',
  list: ['a', null, 7]
}

const read = (source: FieldSource) => compileSource(source)(record)

test('a pointer reads its value, also in a list and under a key with special characters', () => {
  assert.equal(read('/nik'), '9271060312000001')
  assert.equal(read('/name/0/text'), 'Siti Aminah')
  assert.equal(read('/developer.email'), 'a')
  assert.equal(read('/a~1b/~0c'), 'deep')
  assert.equal(read('/name/1/text'), undefined)
  assert.equal(read('/nik/0'), undefined)
})

test('an element is chosen by constants in it, and the first match counts', () => {
  const nik = { list: '/identifier', where: { '/system': 'nik' }, at: '/value' }
  assert.equal(read(nik), '9271060312000002')
  assert.equal(read({ ...nik, where: { '/system': 'nik', '/value': 'second' } }), 'second')
  assert.equal(read({ ...nik, where: { '/system': 'none' } }), undefined)
  assert.equal(read({ ...nik, list: '/nik' }), undefined)
  assert.equal(
    compileSource({ list: '/l', where: { '/k': 1 }, at: '/v' })({ l: [null, 3, { k: '1', v: 'text' }] }),
    'text'
  )
  assert.equal(compileSource({ list: '/l', where: { '/k': '1' }, at: '/v' })({ l: [{ k: 1, v: 'number' }] }), 'number')
})

test('the first of several is the first one with a value', () => {
  assert.equal(read({ firstOf: ['/none', '/middle', '/last'] }), 'Aminah')
  assert.equal(read({ firstOf: ['/none', '/middle'] }), undefined)
})

test('texts are joined without blank ones, and other values are passed on', () => {
  assert.equal(read({ join: ['/first', '/middle', '/last'] }), 'Siti Aminah')
  assert.equal(read({ join: ['/last', '/first'], separator: ', ' }), 'Aminah, Siti')
  assert.equal(read({ join: ['/none', '/middle'] }), undefined)
  assert.equal(read({ join: ['/first', '/status'] }), 1)
})

test('converters change only their own kind of value', () => {
  assert.equal(read({ at: '/status', convert: ['text'] }), '1')
  assert.equal(read({ at: '/active', convert: ['text'] }), 'false')
  assert.equal(read({ at: '/year', convert: ['number'] }), 2010)
  assert.equal(compileSource({ at: '/s', convert: ['digits'] })({ s: '31.1.1-00' }), '311100')
  assert.equal(compileSource({ at: '/s', convert: ['digits', 'number'] })({ s: 'th. 2010' }), 2010)
  // Above 2^53, a number may have lost digits: it must not become a text that looks whole.
  assert.equal(read({ at: '/big', convert: ['text'] }), record.big)
  assert.deepEqual(read({ at: '/list', convert: ['text', 'digits', 'number'] }), record.list)
})

test('a constant is the same for every record', () => {
  assert.equal(read({ constant: 'AKTIF' }), 'AKTIF')
})

test('rejections name the place of a value, or of its list', () => {
  assert.equal(placeOf('/nik'), '/nik')
  assert.equal(placeOf({ list: '/identifier', where: { '/system': 'nik' }, at: '/value' }), '/identifier')
  assert.equal(placeOf({ join: ['/first', '/last'] }), '/first')
  assert.deepEqual(pointersOf({ list: '/l', where: { '/k': 1 }, at: '/v' }), ['/l/v', '/l/k'])
})

test('a key with the name of an inherited property is found', () => {
  assert.equal(findUnsafeToken('/a/constructor'), 'constructor')
  assert.equal(findUnsafeToken('/__proto__'), '__proto__')
  assert.equal(findUnsafeToken('/nama/0'), null)
})

test('reading never throws for any record', () => {
  const sources: FieldSource[] = [
    '/a',
    '/a/b/0',
    { at: '/a', convert: ['text', 'digits', 'number'] },
    { list: '/a', where: { '/b': 1 }, at: '/c' },
    { firstOf: ['/a', { list: '/b', where: { '/c': 'x' }, at: '/a' }] },
    { join: ['/a', '/b', '/c'] }
  ]
  const reads = sources.map(compileSource)
  const key = fc.constantFrom('a', 'b', 'c', '0')
  const value = fc.letrec(tie => ({
    any: fc.oneof({ depthSize: 'small' }, fc.jsonValue(), fc.array(tie('any')), fc.dictionary(key, tie('any')))
  })).any
  fc.assert(
    fc.property(value, json => {
      for (const readOne of reads) readOne(json)
    })
  )
})
