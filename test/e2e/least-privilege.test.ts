import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { types } from 'node:util'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { kkiSecrets, secretsOfRoles } from '../../sidecar/role-secrets.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { fetchPatiently, injectPatiently } from '../helpers/patiently.ts'
import { startVault, wholePolicy } from '../secrets/helpers/vault.ts'
import { startConnector, temporaryFolder, waitForRun } from './helpers.ts'
import { runSdmk, type Service, serve, until } from './process.ts'

const otherRoles = 'registry,api,relay'
/** Nobody listens there; the relay waits for it. */
const odoo = { SDMK_ODOO_URL: 'http://127.0.0.1:9', SDMK_ODOO_DATABASE: 'odoo' }

/** All that can be walked to from a value: properties of any kind, prototypes, maps, sets; not what functions enclose. */
function* textsWithin(root: unknown): Generator<string> {
  const seen = new Set<unknown>()
  const waiting: unknown[] = [root]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value === 'string') yield value
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) continue
    seen.add(value)
    if (Buffer.isBuffer(value)) yield value.toString('latin1')
    if (types.isMap(value)) waiting.push(...value.keys(), ...value.values())
    if (types.isSet(value)) waiting.push(...value)
    waiting.push(Object.getPrototypeOf(value))
    for (const key of Reflect.ownKeys(value)) {
      const { value: held } = Object.getOwnPropertyDescriptor(value, key) ?? {}
      waiting.push(held)
    }
  }
}

test('the token cannot be reached from any property of the app, nor through the API', async t => {
  const { app, run, secretsDir, call } = await startConnector(t, { rows: 50, env: odoo })
  const { state } = await run({ mode: 'incremental' })
  assert.equal(state, 'applied')
  const token = await createFileSecretStore(secretsDir).read('kki-token')
  const credentials = await createFileSecretStore(secretsDir).read('kki')
  const hidden = [token?.accessToken, token?.refreshToken, credentials?.clientSecret].map(text => text as string)
  assert.ok(hidden.every(text => text.length > 10))

  Object.defineProperty(app.kki, 'planted', { value: new Map([['planted here', 1]]) })
  let isPlantedFound = false
  for (const text of textsWithin(app)) {
    isPlantedFound ||= text === 'planted here'
    for (const secret of hidden) assert.ok(!text.includes(secret), 'a secret hangs on the app')
  }
  assert.ok(isPlantedFound, 'the walk comes as far as the client of KKI')
  const answers = await Promise.all(
    ['/metrics', '/openapi.json', '/readyz', '/v1/audit-events', '/v1/integrations/kki', '/v1/runs', '/v1/nothing'].map(
      async url => (await injectPatiently(app, { url, headers: { authorization: `Bearer ${hidden[0]}` } })).body
    )
  )
  answers.push(JSON.stringify((await call('GET', '/v1/runs')).body))
  for (const secret of hidden) assert.ok(!answers.join().includes(secret), 'a secret is in an answer')
})

test('each role gets the secrets that it needs, and only the role fetch gets KKI’s secrets', () => {
  const config = { odoo: {} as never }
  assert.deepEqual(secretsOfRoles({ ...config, roles: ['fetch'] }), ['kki', 'kki-token', 'nik-keys'])
  assert.deepEqual(secretsOfRoles({ ...config, roles: ['registry'] }), ['nik-keys'])
  assert.deepEqual(secretsOfRoles({ ...config, roles: ['api'] }), ['nik-keys', 'odoo'])
  assert.deepEqual(secretsOfRoles({ ...config, roles: ['relay'] }), ['odoo'])
  assert.deepEqual(secretsOfRoles({ odoo: null, roles: ['relay'] }), [])
  for (const name of kkiSecrets)
    assert.ok(!secretsOfRoles({ ...config, roles: ['registry', 'api', 'relay'] }).includes(name))
})

/** Everything that the process has in its heap, as V8 writes it down. */
async function heapOf({ child }: Service, directory: string): Promise<string> {
  const isThere = async () => (await readdir(directory)).find(name => name.includes(`.${child.pid}.`))
  // A signal that never aborts.
  child.kill('SIGCONT')
  let size = -1
  await until('the heap snapshot', async () => {
    const name = await isThere()
    if (!name) return false
    const former = size
    size = (await stat(path.join(directory, name))).size
    return (
      size > 0 && size === former && (await readFile(path.join(directory, name), 'latin1')).trimEnd().endsWith(']}')
    )
  })
  return readFile(path.join(directory, (await isThere()) as string), 'utf8')
}

test('heap, environment, log and answers of a process without the role fetch contain no secret of KKI', async t => {
  const { url: databaseUrl, pool } = await createTestDatabase(t)
  const simulator = await startSimulator({ rows: 50, clientSecret: 'a-secret-of-this-test-alone' })
  t.after(() => simulator.close())
  const folders = { fetch: await temporaryFolder(t), other: await temporaryFolder(t), heaps: await temporaryFolder(t) }
  const others = createFileSecretStore(folders.other)
  await initIdentity(others)
  await others.write('odoo', { login: 'sdmk', apiKey: 'odoo-key-of-this-test' })
  const fetchers = createFileSecretStore(folders.fetch)
  await fetchers.write('nik-keys', (await others.read('nik-keys')) as Record<string, string>)
  await fetchers.write('kki', { clientId: simulator.clientId, clientSecret: simulator.clientSecret })
  const { key } = await createApiKey(pool, 'test', [...scopes])
  const env = { SDMK_DATABASE_URL: databaseUrl, KKI_SETTLE: '0', ...odoo }
  const flags = ['--heapsnapshot-signal=SIGCONT', `--diagnostic-dir=${folders.heaps}`]
  const fetcher = await serve(
    t,
    { ...env, SDMK_ROLES: 'fetch', SDMK_SECRETS_DIR: folders.fetch, KKI_BASE_URL: simulator.url },
    flags
  )
  const service = await serve(t, { ...env, SDMK_ROLES: otherRoles, SDMK_SECRETS_DIR: folders.other }, flags)

  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const ask = async (address: string, init: RequestInit = {}) =>
    fetchPatiently(service.url + address, { headers, ...init })
  const started = await ask('/v1/runs', { method: 'POST', body: JSON.stringify({ mode: 'incremental' }) })
  const { id } = (await started.json()) as { id: number }
  const run = await waitForRun(async runId => ({ body: await (await ask(`/v1/runs/${runId}`)).json() }), id)
  assert.equal(run.state, 'applied')

  const token = await fetchers.read('kki-token')
  const hidden = [token?.accessToken, token?.refreshToken, simulator.clientSecret].map(text => text as string)
  const fetcherHeap = await heapOf(fetcher, folders.heaps)
  assert.ok(fetcherHeap.includes(hidden[0] as string), 'a heap snapshot shows a token where there is one')
  const heap = await heapOf(service, folders.heaps)
  assert.ok(heap.includes('odoo-key-of-this-test'), 'a heap snapshot shows the secrets that the process has')
  const environment =
    (await readFile(`/proc/${service.child.pid}/environ`, 'latin1').catch(() => '')) +
    (await readFile(`/proc/${fetcher.child.pid}/environ`, 'latin1').catch(() => ''))
  const answers = await Promise.all(
    ['/metrics', '/openapi.json', '/readyz', '/v1/runs', '/v1/nothing'].map(async address =>
      (await ask(address)).text()
    )
  )
  for (const secret of hidden) {
    assert.ok(!heap.includes(secret), 'a secret is in the heap')
    assert.ok(!environment.includes(secret), 'a secret is in the environment')
    assert.ok(!service.output().includes(secret) && !fetcher.output().includes(secret), 'a secret is in the log')
    assert.ok(!answers.join().includes(secret), 'a secret is in an answer')
  }
})

describe('with Vault', { concurrency: true }, () => {
  async function scene(t: TestContext) {
    const { url } = await createTestDatabase(t)
    const vault = await startVault(t)
    const files = createFileSecretStore(await temporaryFolder(t))
    await initIdentity(files)
    vault.put('sdmk/nik-keys', (await files.read('nik-keys')) as Record<string, string>)
    const login = async (policy: Parameters<typeof vault.addToken>[0]['policy']) => {
      const directory = await temporaryFolder(t)
      const file = path.join(directory, 'token')
      await writeFile(file, vault.addToken({ policy }))
      return { SDMK_VAULT_ADDR: vault.url, SDMK_VAULT_TOKEN_FILE: file }
    }
    return { vault, env: { SDMK_DATABASE_URL: url, SDMK_ROLES: otherRoles, ...odoo }, login }
  }

  test('a process without the role fetch starts with a login that cannot read KKI’s secrets, and does not request them', async t => {
    const { vault, env, login } = await scene(t)
    const policy = {
      'secret/data/sdmk/nik-keys': ['read' as const],
      'secret/data/sdmk/odoo': ['create' as const, 'read' as const, 'update' as const]
    }
    const service = await serve(t, { ...env, ...(await login({ ...policy, 'sys/*': ['update'] })) })

    assert.equal(await service.kill('SIGTERM'), 0)
    assert.ok(vault.count('GET', 'secret/data/sdmk/nik-keys') > 0)
    assert.deepEqual(
      vault.requests.filter(({ path: asked }) => asked.startsWith('secret/data/sdmk/kki')),
      []
    )
  })

  test('a process without the role fetch does not start with a login that can read KKI’s secrets', async t => {
    const { env, login } = await scene(t)
    const { code, stderr } = await runSdmk(['serve'], { ...env, ...(await login(wholePolicy)) })

    assert.equal(code, 78)
    assert.match(
      stderr,
      /^sdmk: SDMK_VAULT_TOKEN_FILE: this login may read the secret "kki", which is for the role "fetch" alone/
    )
  })

  test('a process without the role fetch needs no login if its secrets are files', async t => {
    const { vault, env, login } = await scene(t)
    const directory = await temporaryFolder(t)
    await initIdentity(createFileSecretStore(directory))
    const service = await serve(t, { ...env, ...(await login({})), SDMK_SECRETS_DIR: directory })

    assert.equal(await service.kill('SIGTERM'), 0)
    assert.deepEqual(vault.requests, [])
  })

  test('a start with a sealed or unreachable Vault ends with one line', async t => {
    const { vault, env, login } = await scene(t)
    const given = { ...env, ...(await login(wholePolicy)), SDMK_VAULT_TIMEOUT: '5000' }
    vault.isSealed = true
    const sealed = await runSdmk(['serve'], given)
    const away = await runSdmk(['serve'], { ...given, SDMK_VAULT_ADDR: 'http://127.0.0.1:1' })

    assert.deepEqual([sealed.code, away.code], [1, 1])
    assert.match(sealed.stderr, /^sdmk: SDMK_VAULT_ADDR: Vault at http:\/\/127\.0\.0\.1:\d+ is sealed \(503\)[^\n]*\n$/)
    assert.match(
      away.stderr,
      /^sdmk: SDMK_VAULT_ADDR: Vault at http:\/\/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)[^\n]*\n$/
    )
  })
})
