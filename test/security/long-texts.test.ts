import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeError } from '../../sidecar/platform/describe-error.ts'
import { holdsIdentityNumber } from '../../sidecar/platform/identity-number.ts'
import { escapeUnprintable, isPrintableLine } from '../../sidecar/platform/printable-text.ts'
import { tellError } from '../../sidecar/platform/tell-error.ts'
import { maskRow } from '../../sidecar/review/mask.ts'
import { splitName } from '../../sidecar/transform/name.ts'
import { cleanText } from '../../sidecar/transform/text.ts'
import { createTransform } from '../../sidecar/transform/transform.ts'
import { kkiRecord, startConnector } from '../e2e/helpers.ts'
import { context, shippedMapping } from '../transform/helpers.ts'

/** Each repeats to a megabyte; the end keeps a pattern that wants the whole text from fitting. */
const units = [
  ' ',
  '\t',
  '\n',
  '.',
  '-',
  ',',
  '/',
  '1',
  '1 ',
  '1-',
  '\\u0031',
  '&',
  '&amp;',
  '%31',
  'a',
  'a ',
  'A.',
  'sp.',
  'ι1'
]
units.push('Sp.A-', '/sidecar/a', '\u3164', '\ufdfa', 'e\u0301', 'MzE3MTAxNTUw', '{"a":', '[', '"', '2026-')
const longTexts = (length: number) => units.map(unit => `x${unit.repeat(length / unit.length)}\u0001x`)

/**
 * One that needed time in proportion to the square of a megabyte would take minutes on any machine; a busy machine takes
 * seconds for the others.
 */
const boundMs = 60_000

function assertSoon(what: string, work: () => unknown): void {
  const begin = performance.now()
  work()
  const took = performance.now() - begin
  assert.ok(took < boundMs, `${what} took ${Math.round(took)} ms`)
}

describe('attack: texts of a megabyte that are built to be slow', () => {
  const megabyte = longTexts(1_000_000)

  test('every field of KKI is read in bounded time', () => {
    const transform = createTransform(shippedMapping())
    for (const field of Object.keys(kkiRecord())) {
      for (const [i, text] of megabyte.entries()) {
        assertSoon(`${field} ${units[i]}`, () => transform(kkiRecord({ [field]: text }), context))
      }
    }
    // The longest texts that are cleaned, and the longest that are kept.
    for (const [field, length] of Object.keys(kkiRecord()).flatMap(name => [
      [name, 39_000] as const,
      [name, 390] as const
    ])) {
      for (const text of longTexts(length)) {
        assertSoon(`${field} ${length}`, () => transform(kkiRecord({ [field]: text.slice(1, -2) }), context))
      }
    }
  })

  test('functions that read arbitrary texts need bounded time', () => {
    const readers: Record<string, (text: string) => unknown> = {
      holdsIdentityNumber,
      cleanText,
      isPrintableLine,
      escapeUnprintable,
      mask: text => maskRow(JSON.stringify({ catatan: text, [text]: 1 }), shippedMapping(), true),
      'a raw row': text =>
        maskRow(`{"catatan":${JSON.stringify(text)},"n":12345678901234567890}`, shippedMapping(), true),
      error: text => describeError(Object.assign(new Error(text), { code: text })),
      stack: text => tellError(Object.assign(new Error('x'), { stack: `Error: x\n    at ${text} (/${text}.ts:1:1)` }))
    }
    for (const [name, read] of Object.entries(readers)) {
      for (const [i, text] of megabyte.entries()) assertSoon(`${name} ${units[i]}`, () => read(text))
    }
    for (const text of longTexts(20_000)) assertSoon('splitName', () => splitName(cleanText(text), text, text))
  })

  test('every text of a request is checked in bounded time, and the service answers', {
    timeout: 1_800_000
  }, async t => {
    const { call } = await startConnector(t, { env: { SDMK_RATE_LIMIT: '1000000' } })
    const requests: [
      method: 'POST' | 'PATCH' | 'PUT',
      path: string,
      field: string,
      headers?: Record<string, string>
    ][] = [
      ['POST', '/v1/health-workers/search', 'name'],
      ['POST', '/v1/health-workers/search', 'str'],
      ['POST', '/v1/health-workers/search', 'caller'],
      ['POST', '/v1/health-workers/search-by-nik', 'nik'],
      ['POST', '/v1/health-workers/search-by-nik', 'reason'],
      ['POST', '/v1/health-workers/1/reveal', 'reason'],
      ['PATCH', '/v1/health-workers/1', 'name', { 'if-match': '"1"' }],
      ['POST', '/v1/rejections/dismiss', 'reason'],
      ['POST', '/v1/runs', 'mode'],
      ['PUT', '/v1/odoo/account', 'login'],
      ['PUT', '/v1/odoo/account', 'apiKey']
    ]
    for (const [method, path, field, headers] of requests) {
      for (const [i, text] of longTexts(500_000).entries()) {
        const begin = performance.now()
        const { status } = await call(method, path, { [field]: text }, headers)
        const took = performance.now() - begin
        assert.ok(status >= 400 && status < 500, `${path} ${field} ${units[i]}: ${status}`)
        assert.ok(took < boundMs, `${path} ${field} ${units[i]} took ${Math.round(took)} ms`)
      }
    }
    assert.equal((await call('GET', '/v1/runs')).status, 200)
  })
})
