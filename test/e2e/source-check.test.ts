import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startConnector } from './helpers.ts'

test('the fetching process checks the source for a caller of the API, in two languages', async t => {
  const { call, secretsDir, simulator } = await startConnector(t, { rows: 1200 })
  const fine = await call('POST', '/v1/integrations/kki/check')
  assert.equal(fine.status, 200)
  const { isFine, en, id } = fine.body as { isFine: boolean; en: string[]; id: string[] }
  assert.equal(isFine, true)
  assert.equal(en[0], 'Fine: the source answers as described.')
  assert.equal(id[0], 'Baik: sumber menjawab sesuai deskripsi.')

  const secrets = createFileSecretStore(secretsDir)
  await secrets.write('kki', { clientId: simulator.clientId, clientSecret: 'another' })
  const denied = await call('POST', '/v1/integrations/kki/check')
  assert.deepEqual(denied.body, {
    isFine: false,
    en: [
      'Wrong: /authentication: The source rejects the credentials (status 401). Check the secret "kki", and how the description sends it.'
    ],
    id: [
      'Salah: /authentication: Sumber menolak kredensial (status 401). Periksa rahasia "kki" dan cara deskripsi mengirimkannya.'
    ]
  })
})

test('a check without an answer in time ends with an error', async t => {
  const { app, pool } = await startConnector(t, { env: { SDMK_ROLES: 'api,registry' } })
  assert.equal(await app.queue.ask('source-check', {}, 300), null)
  const { rows } = await pool.query("select state from pgboss.job where name = 'source-check'")
  assert.deepEqual(rows, [{ state: 'cancelled' }])
})
