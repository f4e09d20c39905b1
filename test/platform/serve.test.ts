import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { createTestDatabase } from '../helpers/database.ts'

const sdmk = fileURLToPath(new URL('../../sidecar/cli/sdmk.ts', import.meta.url))

/** A folder with the keys that the service needs, and the variables that point to it. */
async function environment(t: TestContext) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-serve-'))
  await chmod(directory, 0o711)
  t.after(() => rm(directory, { recursive: true, force: true }))
  await initIdentity(createFileSecretStore(path.join(directory, 'secrets')))
  const { PATH = '' } = process.env
  return { PATH, SDMK_DATA_DIR: directory, SDMK_PORT: '0', KKI_BASE_URL: 'http://127.0.0.1:9' }
}

/** Starts `sdmk serve`; `ready` resolves with its address, `ended` with its exit code. */
function serve(t: TestContext, env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [sdmk, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const ended = once(child, 'close').then(([code]) => ({ code, errors }))
  const ready = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', line => {
      const { msg, url } = JSON.parse(line)
      if (msg === 'the service is ready') resolve(url)
    })
    ended.then(({ code }) => reject(new Error(`ended with code ${code}: ${errors}`)))
  })
  ready.catch(() => undefined)
  return { child, ready, ended }
}

test('without configuration the service starts its own database, is ready, and stops in order on SIGTERM', async t => {
  const env = await environment(t)
  const { child, ready, ended } = serve(t, env)
  const url = await ready
  const answer = await fetch(`${url}/readyz`)
  assert.equal(answer.status, 200, await answer.clone().text())
  child.kill('SIGTERM')
  assert.deepEqual(await ended, { code: 0, errors: '' })
  const again = serve(t, env)
  await again.ready
  again.child.kill('SIGINT')
  assert.deepEqual(await again.ended, { code: 0, errors: '' })
})

test('a signal during the start also ends it in order', async t => {
  // On a busy machine a database that has just begun to start takes long to stop.
  const { child, ended } = serve(t, { ...(await environment(t)), SDMK_SHUTDOWN_TIMEOUT: '600' })
  await once(child.stdout, 'data')
  child.kill('SIGTERM')
  assert.deepEqual(await ended, { code: 0, errors: '' })
})

test('a port in use ends the start with one line that names the variable, and code 78', async t => {
  const { url } = await createTestDatabase(t)
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const env = { ...(await environment(t)), SDMK_PORT: String(port), SDMK_DATABASE_URL: url }
  const { code, errors } = await serve(t, env).ended
  assert.equal(code, 78)
  assert.equal(errors, `sdmk: SDMK_PORT: 127.0.0.1:${port} is in use by another program\n`)
})
