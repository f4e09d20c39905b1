import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { problemStatus } from '../../sidecar/platform/problem.ts'
import { holdReasons } from '../../sidecar/sync/batch.ts'
import { rejectionCodes, warningCodes } from '../../sidecar/transform/codes.ts'
import { renderCodes } from '../../tools/docs/codes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const languages = ['en', 'id']
const texts = ['title', 'meaning', 'example', 'action']

type Entry = Record<string, Record<string, string>> & { kind: string; audience: string }
const catalogue = parse(readFileSync(`${root}/contracts/codes.yaml`, 'utf8')) as Record<string, Entry>

const codesOf = (kind: string) => Object.keys(catalogue).filter(code => catalogue[code]?.kind === kind)

/** Codes of all error classes, as the catalogue lists them: without the product's prefix. */
function errorCodes(): string[] {
  const sources = globSync('sidecar/**/*.ts', { cwd: root }).map(file => readFileSync(`${root}/${file}`, 'utf8'))
  const found = sources.flatMap(source => [...source.matchAll(/readonly code = '([A-Z_]+)'/g)].map(([, code]) => code))
  return found.map(code => (code ?? '').replace(/^SDMK_/, ''))
}

test('the catalogue has every reason to reject a row and every warning, and no other', () => {
  assert.deepEqual(codesOf('rejection').toSorted(), [...rejectionCodes].toSorted())
  assert.deepEqual(codesOf('warning').toSorted(), [...warningCodes].toSorted())
})

test('the catalogue has every reason to hold a batch, and no other', () => {
  assert.deepEqual(codesOf('hold').toSorted(), [...holdReasons].toSorted())
})

test('the catalogue has every problem and every error class, and no other', () => {
  const expected = new Set([...Object.keys(problemStatus), ...errorCodes()])
  assert.deepEqual(codesOf('problem').toSorted(), [...expected].sort())
})

test('every code has all of its texts in both languages', () => {
  for (const [code, entry] of Object.entries(catalogue)) {
    const isTechnical = entry.kind === 'problem' && entry.audience === 'technical'
    assert.deepEqual(Object.keys(entry), ['kind', ...(isTechnical ? ['audience'] : []), ...texts], code)
    for (const text of texts) {
      assert.deepEqual(Object.keys(entry[text] ?? {}), languages, `${code} ${text}`)
      for (const language of languages)
        assert.match(entry[text]?.[language] ?? '', /^\S.*\S$/s, `${code} ${text} ${language}`)
    }
  }
})

test('texts that Odoo shows to operators name no setting, file or API field', () => {
  const found = Object.entries(catalogue)
    .filter(([, { kind }]) => kind !== 'alert' && kind !== 'rejection')
    .flatMap(([code, entry]) =>
      ['title', 'meaning', 'action'].flatMap(text =>
        languages.flatMap(
          language =>
            // Commands of sdmk are allowed: they are what an operator asks the technical team to run.
            (entry[text]?.[language] ?? '')
              .replaceAll(/`sdmk [^`]+`/g, '')
              .match(/`[^`]*`|\b[A-Z]+_[A-Z_]+\b|\w+\/[\w./-]*\.(?:md|yaml)\b/g)
              ?.map(name => `${code} ${text} ${language}: ${name}`) ?? []
        )
      )
    )
  assert.deepEqual(found, [])
})

test('the page of codes has a section for each code, with all of its texts', () => {
  const page = renderCodes()
  const sections = [...page.matchAll(/^### (.+)$/gm)].map(([, code]) => code)
  const entries = Object.entries(catalogue).filter(([, { kind }]) => kind !== 'alert')
  assert.deepEqual(sections.toSorted(), entries.map(([code]) => code).toSorted())
  for (const [, entry] of entries) {
    for (const text of texts) for (const said of Object.values(entry[text] ?? {})) assert.ok(page.includes(said), said)
  }
})
