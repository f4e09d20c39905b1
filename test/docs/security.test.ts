import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const root = new URL('../../', import.meta.url)
const page = readFileSync(new URL('SECURITY.md', root), 'utf8')

test('every file and test that SECURITY.md names exists', () => {
  const places = [...page.matchAll(/`((?:sidecar|test|docs|odoo_addons)\/[^`]+)`/g)].map(([, place = '']) => place)
  assert.ok(places.length > 30)
  for (const place of places) assert.ok(existsSync(new URL(place, root)), place)
})

test('every attack has a test', () => {
  const attacks = page.split('\n').filter(line => line.startsWith('| **'))
  assert.ok(attacks.length > 10)
  for (const line of attacks) assert.match(line.split('|').at(-2) ?? '', /test/, line)
})
