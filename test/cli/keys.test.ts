import assert from 'node:assert/strict'
import { test } from 'node:test'
import { useApiKey } from '../../sidecar/platform/api-key.ts'
import { runSdmk } from '../e2e/process.ts'
import { createTestDatabase } from '../helpers/database.ts'

test('a key is made, listed and revoked on the command line, and each change is audited', async t => {
  const { url, ownerUrl, pool } = await createTestDatabase(t)
  const env = { SDMK_DATABASE_URL: ownerUrl }
  const made = await runSdmk(['keys', 'create', 'dashboard', '--scope', 'runs:read', 'audit:read', '--json'], env)
  const { key, scopes } = JSON.parse(made.stdout)
  assert.deepEqual(scopes, ['runs:read', 'audit:read'])
  assert.equal((await useApiKey(pool, key))?.name, 'dashboard')
  const listed = await runSdmk(['keys', 'list'], env)
  assert.match(listed.stdout, /^"dashboard": runs:read audit:read \(made 20\S+, last used 20\S+\)\n$/)
  assert.equal((await runSdmk(['keys', 'revoke', 'dashboard'], env)).code, 0)
  assert.equal(await useApiKey(pool, key), null)
  const again = await runSdmk(['keys', 'revoke', 'dashboard'], env)
  assert.deepEqual([again.code, again.stderr], [1, 'sdmk: No valid API key is named "dashboard"\n'])
  const { rows } = await pool.query('select action, detail from kki.audit_event order by id')
  assert.deepEqual(
    rows.map(({ action, detail }) => [action, detail.name]),
    [
      ['api_key.created', 'dashboard'],
      ['api_key.revoked', 'dashboard']
    ]
  )
  assert.ok(!JSON.stringify(rows).includes(key.slice(5)))
  const forgedName = await runSdmk(['keys', 'create', 'a\nb', '--scope', 'runs:read'], env)
  assert.deepEqual([forgedName.code, forgedName.stdout], [64, ''])
  assert.match(forgedName.stderr, /^sdmk: name: must be one line .*\n$/)
  const byService = await runSdmk(['keys', 'create', 'mine', '--scope', 'registry:reveal'], { SDMK_DATABASE_URL: url })
  assert.deepEqual([byService.code, byService.stdout], [78, ''], 'the login of the service makes none')
  assert.match(byService.stderr, /^sdmk: SDMK_DATABASE_URL: this login lacks the right/)
})
