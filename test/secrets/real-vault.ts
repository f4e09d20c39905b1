import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openVaultSecretStore, type VaultSecretStore } from '../../sidecar/secrets/vault.ts'

/*
 * Compares the stand-in of the other tests with Vault's own core: `npm run test:vault`, which builds it first. It is
 * no part of `npm test`, since its sources are some gigabytes.
 */
const run = promisify(execFile)
const program = fileURLToPath(new URL('../../.data/vault/vault', import.meta.url))

interface RealVault {
  url: string
  token: string
  key: string
  root(method: string, path: string, body?: object): Promise<{ data?: Record<string, unknown> }>
}

async function startRealVault(t: TestContext): Promise<RealVault> {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null) await once(child, 'exit')
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url, token, key } = JSON.parse(line) as { url: string; token: string; key: string }
  const root: RealVault['root'] = async (method, path, body) => {
    const headers = { 'x-vault-token': token }
    const response = await fetch(`${url}/v1/${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    const text = await response.text()
    assert.ok(response.ok || response.status === 404, `${method} ${path}: ${response.status} ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
  await root('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  await root('POST', 'sys/auth/approle', { type: 'approle' })
  // The engine makes itself ready after it has been mounted.
  for (let tries = 0; tries < 50; tries++) {
    const { ok } = await fetch(`${url}/v1/secret/config`, { headers: { 'x-vault-token': token } })
    if (ok) break
    await wait(100)
  }
  return { url, token, key, root }
}

const policies = fileURLToPath(new URL('../../deploy/vault', import.meta.url))
const repository = fileURLToPath(new URL('../..', import.meta.url))

/** Logs in as a role of that policy, whose secret id is in the file. */
async function openAs(t: TestContext, vault: RealVault, policy: string, role: object = {}) {
  await vault.root('PUT', `sys/policies/acl/${policy}`, {
    policy: await readFile(join(policies, `${policy}.hcl`), 'utf8')
  })
  await vault.root('POST', `auth/approle/role/${policy}`, { token_policies: policy, ...role })
  const { data } = await vault.root('GET', `auth/approle/role/${policy}/role-id`)
  const directory = await mkdtemp(join(tmpdir(), 'real-vault-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const secretIdFile = join(directory, 'secret-id')
  const rotate = async (): Promise<void> => {
    const made = await vault.root('POST', `auth/approle/role/${policy}/secret-id`, {})
    await writeFile(secretIdFile, String(made.data?.secret_id))
  }
  await rotate()
  const lines: string[] = []
  const store = await logIn(t, vault, String(data?.role_id), secretIdFile, lines)
  return { store, rotate, lines }
}

async function logIn(t: TestContext, vault: RealVault, roleId: string, secretIdFile: string, lines: string[] = []) {
  const log = (_fields: object, message: string): void => void lines.push(message)
  const store: VaultSecretStore = await openVaultSecretStore(
    {
      address: vault.url,
      mount: 'secret',
      path: 'sdmk',
      namespace: null,
      caFile: null,
      timeoutMs: 2000,
      login: { kind: 'approle', mount: 'approle', roleId, secretIdFile }
    },
    { info: log, warn: log, error: log }
  )
  t.after(() => store.close())
  return store
}

test('a real Vault keeps secrets and versions as the stand-in does', async t => {
  const vault = await startRealVault(t)
  const { store } = await openAs(t, vault, 'sdmk-fetch')

  assert.deepEqual(await store.readVersion('kki-token'), { value: null, version: '0' })
  assert.equal(await store.replace('kki-token', '0', { accessToken: 'a' }), '1')
  await assert.rejects(store.replace('kki-token', '0', { accessToken: 'b' }), { code: 'SDMK_SECRET_CHANGED' })
  await store.write('kki-token', { accessToken: 'c' })
  assert.deepEqual(await store.readVersion('kki-token'), { value: { accessToken: 'c' }, version: '2' })
  await vault.root('DELETE', 'secret/data/sdmk/kki-token')
  assert.deepEqual(await store.readVersion('kki-token'), { value: null, version: '2' })
  assert.equal(await store.replace('kki-token', '2', { accessToken: 'd' }), '3')
})

test('the policies of deploy/vault let each process read its secrets, and only the role fetch read KKI’s', async t => {
  const vault = await startRealVault(t)
  for (const name of ['kki', 'nik-keys']) await vault.root('POST', `secret/data/sdmk/${name}`, { data: { a: 'b' } })
  const fetcher = await openAs(t, vault, 'sdmk-fetch')
  const service = await openAs(t, vault, 'sdmk-service')

  assert.deepEqual(await fetcher.store.read('kki'), { a: 'b' })
  assert.deepEqual(await fetcher.store.findReadable(['kki', 'kki-token', 'odoo']), ['kki', 'kki-token'])
  await assert.rejects(fetcher.store.replace('kki', '1', {}), { code: 'SDMK_SECRET_UNWRITABLE' })
  await service.store.write('odoo', { login: 'sdmk' })
  assert.deepEqual(await service.store.read('nik-keys'), { a: 'b' })
  assert.deepEqual(await service.store.findReadable(['kki', 'kki-token']), [])
  await assert.rejects(service.store.read('kki'), { code: 'SDMK_SECRET_UNREADABLE', message: /\(403\)/ })
  const { store } = await openAs(t, vault, 'sdmk-init')
  await assert.rejects(store.replace('nik-keys', '1', {}), { code: 'SDMK_SECRET_UNWRITABLE' })
  const rotating = await openAs(t, vault, 'sdmk-rotate')
  assert.equal(await rotating.store.replace('nik-keys', '1', { a: 'c' }), '2')
  await rotating.store.destroyFormer?.('nik-keys')
  const { data } = await vault.root('GET', 'secret/metadata/sdmk/nik-keys')
  const { versions } = data as { versions: Record<string, { destroyed: boolean }> }
  assert.deepEqual([versions[1]?.destroyed, versions[2]?.destroyed], [true, false])
  await assert.rejects(async () => fetcher.store.destroyFormer?.('nik-keys'), { code: 'SDMK_SECRET_UNWRITABLE' })
})

test('a login outlives its lease and its longest life in a real Vault, with a rotated secret id', async t => {
  const vault = await startRealVault(t)
  const role = { token_ttl: '2s', token_max_ttl: '4s', secret_id_num_uses: 1 }
  const { store, rotate, lines } = await openAs(t, vault, 'sdmk-fetch', role)
  await store.write('kki-token', { accessToken: 'a' })
  await rotate()
  await wait(6000)

  assert.deepEqual(await store.read('kki-token'), { accessToken: 'a' })
  assert.ok(lines.filter(line => line === 'logged in to Vault').length >= 2, lines.join())
})

test('a real Vault that is sealed is waited for', async t => {
  const vault = await startRealVault(t)
  const { store } = await openAs(t, vault, 'sdmk-fetch')
  await store.write('kki-token', { accessToken: 'a' })
  await vault.root('PUT', 'sys/seal')

  await assert.rejects(store.read('kki-token'), { code: 'SDMK_SECRET_STORE_UNAVAILABLE', message: /is sealed/ })
  await fetch(`${vault.url}/v1/sys/unseal`, { method: 'PUT', body: JSON.stringify({ key: vault.key }) })
  assert.deepEqual(await store.read('kki-token'), { accessToken: 'a' })
})

test('the script that fills the Vault of the compose file gives each process its secrets, and can be repeated', async t => {
  const vault = await startRealVault(t)
  const secrets = await mkdtemp(join(tmpdir(), 'real-vault-'))
  t.after(() => rm(secrets, { recursive: true, force: true }))
  await run('sh', [join(repository, 'deploy/compose/make-secrets.sh'), secrets])
  const put = (name: string, text: string) => writeFile(join(secrets, name), text)
  await put('vault-root-token', vault.token)
  const env = { ...process.env, VAULT_ADDR: vault.url, SECRETS_DIR: secrets, POLICIES_DIR: policies }
  const seed = () => run(process.execPath, [join(repository, 'tools/compose/seed-vault.ts')], { env })
  await seed()
  await seed()

  const fetcher = await logIn(t, vault, 'sdmk-fetch', join(secrets, 'vault-secret-id-fetch'))
  const service = await logIn(t, vault, 'sdmk-service', join(secrets, 'vault-secret-id-service'))
  assert.deepEqual(await fetcher.read('kki'), { clientId: 'sdmk', clientSecret: 'simulator-secret' })
  assert.deepEqual(await service.findReadable(['kki', 'kki-token']), [])
  await service.write('odoo', { login: 'sdmk', apiKey: 'key' })
  assert.equal((await fetcher.readVersion('nik-keys')).version, '1', 'nothing is written twice')

  await put('vault-secret-id-fetch', 'another-secret-id')
  await seed()
  await logIn(t, vault, 'sdmk-fetch', join(secrets, 'vault-secret-id-fetch'))
  const { data } = await vault.root('LIST', 'auth/approle/role/sdmk-fetch/secret-id')
  assert.equal((data?.keys as string[] | undefined)?.length, 1, 'the former secret id is gone')
  await put('nik-keys.json', '{"digestKey": "other"}')
  assert.match((await seed()).stdout, /The secret "nik-keys" was not changed/)
  assert.equal((await fetcher.readVersion('nik-keys')).version, '1')
  assert.deepEqual(await service.read('odoo'), { login: 'sdmk', apiKey: 'key' })
})
