import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../sidecar/config.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { checkConfigured } from '../../sidecar/source/check/check-configured.ts'
import { proposeDescription } from '../../sidecar/source/init/propose.ts'
import { loadDescription, shippedDescription } from '../../sidecar/source/load.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { startConnector } from './helpers.ts'

const file = fileURLToPath(new URL('../../docs/integrate/examples/council-source.json', import.meta.url))

test('the guide leads from a description to applied people', async t => {
  const simulator = await startSimulator({ rows: 600, like: file })
  t.after(() => simulator.close())
  const env = { KKI_BASE_URL: simulator.url, KKI_SOURCE_FILE: file }
  const { run, call, pool, secretsDir } = await startConnector(t, { env })
  const secrets = createFileSecretStore(secretsDir)
  await secrets.write('kki', { apiKey: 'simulator-secret' })

  const config = loadConfig({ ...env, SDMK_SECRETS_DIR: secretsDir }, { talksToKki: false })
  const { result, page } = await checkConfigured(
    { config, description: await loadDescription(file), module: null, secrets },
    { sample: 500, timeoutMs: 60_000 }
  )
  assert.equal(result.isFine, true, JSON.stringify(result))
  const { tables } = await loadDescription(shippedDescription)
  const proposed = JSON.stringify(proposeDescription(page, tables).description)
  for (const pointer of ['/hasil/daftar', '/str/nomor', '/orang/nik', '/orang/nama', '/diubah']) {
    assert.ok(proposed.includes(`"${pointer}"`), `${pointer} is proposed`)
  }

  const held = await run({ mode: 'full', apply: 'hold' })
  assert.equal(held.state, 'held')
  assert.equal((await pool.query('select from sdmk.health_worker')).rowCount, 0)
  const [batch] = held.batches
  await call('POST', `/v1/batches/${batch?.id}/apply`, { planDigest: batch?.planDigest })
  const again = await run({ mode: 'full' })
  assert.equal(again.state, 'applied')
  assert.ok((again.batches[0]?.ledger.unchanged ?? 0) > 500, JSON.stringify(again))
})

test('the parts of the description in the guide match its file', async () => {
  const guide = await readFile(new URL('../../docs/integrate/connect.md', import.meta.url), 'utf8')
  const description = JSON.parse(await readFile(file, 'utf8'))
  const pieces = [...guide.matchAll(/^```json\n("[\s\S]*?)^```/gm)].map(([, text]) => JSON.parse(`{${text}}`))
  assert.equal(pieces.length, 2)
  const [asking, { faults }] = pieces
  for (const [name, value] of Object.entries(asking)) assert.deepEqual(description[name], value, name)
  assert.deepEqual(description.answer.faults, faults)
})
