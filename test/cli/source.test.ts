import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { startSimulator } from '../../simulator/simulator.ts'
import { temporaryFolder } from '../e2e/helpers.ts'
import { runSdmk } from '../e2e/process.ts'

test('checks the configured source without a database, stores nothing, and proposes a description from the saved page', async t => {
  const simulator = await startSimulator({ rows: 1200, brokenShare: 0 })
  t.after(() => simulator.close())
  const folder = await temporaryFolder(t)
  const secretFile = path.join(folder, 'kki.json')
  await writeFile(secretFile, JSON.stringify(simulator.secret), { mode: 0o600 })
  const page = path.join(await temporaryFolder(t), 'page.json')
  const env = { KKI_BASE_URL: simulator.url, SDMK_SECRETS_DIR: folder }

  const checked = await runSdmk(['source', 'check', '--json', '--sample', '600', '--save', page], env)
  assert.equal(checked.code, 0, checked.stderr)
  const result = JSON.parse(checked.stdout)
  assert.equal(result.isFine, true)
  assert.equal(result.source.received, 1000)
  assert.deepEqual(await readdir(folder), ['kki.json'])
  assert.equal((await stat(page)).mode & 0o777, 0o600)

  const proposed = await runSdmk(['source', 'init', page], {})
  assert.equal(proposed.code, 0, proposed.stderr)
  const shipped = JSON.parse(await readFile('contracts/sources/kki.json', 'utf8'))
  assert.deepEqual(JSON.parse(proposed.stdout).fields, shipped.fields)
  assert.match(proposed.stderr, /^Fill in \/request\/path: /m)
  assert.match(proposed.stderr, /^Guessed \/fields\/nik: "\/nik", by its name/m)

  await writeFile(secretFile, JSON.stringify({ ...simulator.secret, clientSecret: 'another' }), { mode: 0o600 })
  const denied = await runSdmk(['source', 'check'], env)
  assert.equal(denied.code, 1)
  assert.match(denied.stdout, /^Wrong: \/authentication: The source rejects the credentials/)
})

test('rejects a page that is not JSON, and does not repeat it', async t => {
  const page = path.join(await temporaryFolder(t), 'page.json')
  await writeFile(page, '{"nama": Budi')
  const { code, stderr } = await runSdmk(['source', 'init', page], {})
  assert.equal(code, 64)
  assert.match(stderr, /is not JSON/)
  assert.doesNotMatch(stderr, /Budi/)
})
