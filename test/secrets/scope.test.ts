import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { scopeSecrets } from '../../sidecar/secrets/scope.ts'
import { memoryStore } from '../source/helpers/client.ts'

test('returns the named secrets and denies every use of another', async () => {
  const store = scopeSecrets(memoryStore({ odoo: { login: 'sdmk' } }), ['odoo'])

  assert.deepEqual(await store.read('odoo'), { login: 'sdmk' })
  const forbidden = { code: 'SDMK_SECRET_FORBIDDEN', message: /^the secret "kki"/ }
  await assert.rejects(store.read('kki'), forbidden)
  await assert.rejects(store.readVersion('kki'), forbidden)
  await assert.rejects(store.write('kki', {}), forbidden)
  await assert.rejects(store.replace('kki', '0', {}), forbidden)
})

test('a scope of a scope is the narrower of both', async () => {
  const outer = scopeSecrets(memoryStore(), ['odoo'])

  await assert.rejects(scopeSecrets(outer, ['kki']).read('kki'), { code: 'SDMK_SECRET_FORBIDDEN' })
})

test('does not show the store behind it', () => {
  const store = scopeSecrets(memoryStore(), ['odoo'])

  assert.doesNotMatch(inspect(store, { showHidden: true, depth: 9 }), /not-a-secret/)
  assert.ok(Object.isFrozen(store))
})
