import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { type Connector, fault, startConnector } from './helpers.ts'

interface Check {
  what: string
  isFine: boolean | null
  en: string[]
  id: string[]
}

async function checksOf({ call }: Pick<Connector, 'call'>): Promise<Record<string, Check>> {
  const { status, body } = await call('POST', '/v1/integrations/kki/check')
  assert.equal(status, 200)
  return Object.fromEntries((body as { checks: Check[] }).checks.map(check => [check.what, check]))
}

test('the fetching process checks the source for a caller of the API, in two languages', async t => {
  const connector = await startConnector(t, { rows: 1200 })
  const { secretsDir, simulator } = connector
  const { kki, odoo, secrets } = await checksOf(connector)
  assert.equal(kki?.isFine, true)
  assert.equal(kki.en[0], 'Fine: the source answers as described.')
  assert.equal(kki.id[0], 'Baik: sumber menjawab sesuai deskripsi.')
  assert.equal(odoo?.isFine, null, 'there is no Odoo here')
  assert.equal(secrets?.isFine, true)

  await createFileSecretStore(secretsDir).write('kki', { clientId: simulator.clientId, clientSecret: 'another' })
  const denied = await checksOf(connector)
  assert.deepEqual(denied.kki, {
    what: 'kki',
    isFine: false,
    en: [
      'Wrong: /authentication: The source rejects the credentials (status 401). Check the secret "kki", and how the description sends it.'
    ],
    id: [
      'Salah: /authentication: Sumber menolak kredensial (status 401). Periksa rahasia "kki" dan cara deskripsi mengirimkannya.'
    ]
  })
})

test('a check says that KKI is unavailable', async t => {
  const connector = await startConnector(t, { rows: 50 })
  await fault(connector.simulator, { kind: 'status', status: 503, on: 'list', times: 0 })
  const { kki } = await checksOf(connector)
  assert.equal(kki?.isFine, false)
  assert.match(kki.en[0] ?? '', /503/)
  assert.match(kki.id[0] ?? '', /503/)
})

test('a check says that secrets cannot be read, without their content', async t => {
  const connector = await startConnector(t)
  await writeFile(path.join(connector.secretsDir, 'nik-keys.json'), 'no JSON')
  const { secrets } = await checksOf(connector)
  assert.equal(secrets?.isFine, false)
  assert.match(secrets.en[0] ?? '', /cannot be read: .+\. Tell the technical team\.$/)
  assert.doesNotMatch(JSON.stringify(secrets), /no JSON/)
})

test('a check without an answer in time ends with an error', async t => {
  const { app, pool } = await startConnector(t, { env: { SDMK_ROLES: 'api,registry' } })
  assert.equal(await app.queue.ask('source-check', {}, 300), null)
  const { rows } = await pool.query("select state from pgboss.job where name = 'source-check'")
  assert.deepEqual(rows, [{ state: 'cancelled' }])
})
