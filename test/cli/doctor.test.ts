import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { type Connector, inject, kkiRecord, startConnector, temporaryFolder } from '../e2e/helpers.ts'
import { runSdmk } from '../e2e/process.ts'
import { insertWatermark } from '../sync/watermark.ts'

interface Finding {
  check: string
  state: string
  found: string
  fix: string | null
}

const urlOf = ({ app }: Connector) => app.database.pool.options.connectionString as string

async function examine(env: Record<string, string>) {
  const { code, stdout } = await runSdmk(['doctor', '--json'], env)
  const { isFine, findings } = JSON.parse(stdout) as { isFine: boolean; findings: Finding[] }
  assert.equal(code, isFine ? 0 : 1)
  const stateOf = (check: string) => findings.find(finding => finding.check === check)?.state
  const bad = findings.filter(({ state }) => state === 'failed' || state === 'warning').map(({ check }) => check)
  return { findings, stateOf, bad }
}

function envOf(connector: Connector): Record<string, string> {
  return {
    SDMK_DATABASE_URL: urlOf(connector),
    SDMK_SECRETS_DIR: connector.secretsDir,
    KKI_BASE_URL: connector.simulator.url
  }
}

test('an installation without a fault has no failure, and each check says its finding', async t => {
  const connector = await startConnector(t, { rows: 200 })
  assert.equal((await connector.run({ mode: 'full' })).state, 'applied')
  const { findings, bad, stateOf } = await examine(envOf(connector))
  // The machine of a test may be short of room or connections.
  assert.deepEqual(
    bad.filter(check => !['disk', 'database settings'].includes(check)),
    []
  )
  for (const check of ['settings', 'database', 'schema', 'keys', 'audit chain', 'source', 'runs', 'watermark'])
    assert.equal(stateOf(check), 'ok', check)
  assert.equal(stateOf('Odoo'), 'skipped')
  for (const { found, fix, state } of findings) {
    assert.notEqual(found, '')
    if (state === 'ok') assert.equal(fix, null)
  }
})

test('each thing that is wrong is named with what to do, and nothing personal is printed', async t => {
  const connector = await startConnector(t)
  await inject(connector.simulator, [{ record: kkiRecord({ nama: 'Sekar Rekaan' }) }])
  await connector.run({ mode: 'full' })
  const otherKeys = await temporaryFolder(t)
  const store = createFileSecretStore(otherKeys)
  await initIdentity(store)
  await store.write('kki', connector.simulator.secret)
  await connector.stop()
  await connector.pool.query('delete from kki.watermark')
  await insertWatermark(connector.pool, '1 year')
  await connector.simulator.close()

  const { findings, stateOf } = await examine({ ...envOf(connector), SDMK_SECRETS_DIR: otherKeys })
  for (const check of ['keys', 'audit chain', 'watermark', 'source']) assert.equal(stateOf(check), 'failed', check)
  for (const { state, fix } of findings) if (state === 'failed') assert.ok(fix)
  assert.doesNotMatch(JSON.stringify(findings), /Sekar|Rekaan/)
})

test('a database that is away leaves the other checks standing', async t => {
  const connector = await startConnector(t, { rows: 50 })
  const { stateOf } = await examine({ ...envOf(connector), SDMK_DATABASE_URL: 'postgres://sdmk@127.0.0.1:9/sdmk' })
  assert.equal(stateOf('database'), 'failed')
  assert.equal(stateOf('secrets'), 'ok')
  assert.equal(stateOf('source'), 'ok')
  assert.equal(stateOf('keys'), undefined)
})

test('without a database nothing is created, and the finding says so', async t => {
  const folder = await temporaryFolder(t)
  const { findings, stateOf } = await examine({ SDMK_DATA_DIR: folder })
  assert.equal(stateOf('database address'), 'failed')
  assert.equal(stateOf('database'), undefined)
  assert.deepEqual(await readdir(folder), [])
  assert.ok(findings.length > 1)
})

test('settings that cannot be read end the examination with the name of the setting', async () => {
  const { findings } = await examine({ SDMK_PORT: 'eighty' })
  assert.equal(findings.length, 1)
  assert.match(findings[0]?.found ?? '', /^SDMK_PORT: /)
})
