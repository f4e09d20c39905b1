import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { openVaultSecretStore, type VaultSecretStore } from '../../sidecar/secrets/vault.ts'
import type { VaultOptions } from '../../sidecar/secrets/vault-options.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { type FakeToken, type FakeVault, startVault, wholePolicy } from './helpers/vault.ts'

interface Opened {
  store: VaultSecretStore
  logs: string[]
}

async function fileWith(t: TestContext, content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'vault-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'credential')
  await writeFile(file, content)
  return file
}

async function open(vault: FakeVault, given: Partial<VaultOptions> & Pick<VaultOptions, 'login'>): Promise<Opened> {
  const logs: string[] = []
  const log = (fields: object, message: string): void => {
    const { err, ...rest } = fields as { err?: Error }
    logs.push(`${message} ${JSON.stringify(rest)} ${err?.message ?? ''}`)
  }
  const options: VaultOptions = {
    address: vault.url,
    mount: 'secret',
    path: 'sdmk',
    namespace: null,
    caFile: null,
    // Long enough for a busy machine; tests that must reach it set another.
    timeoutMs: 15_000,
    ...given
  }
  const store = await openVaultSecretStore(options, { info: log, warn: log, error: log })
  vault.beforeClose(() => store.close())
  return { store, logs }
}

/** A store with its own token. */
async function openWithToken(
  t: TestContext,
  vault: FakeVault,
  token: Partial<FakeToken> = {},
  options: Partial<VaultOptions> = {}
): Promise<Opened & { token: string; tokenFile: string }> {
  const id = vault.addToken({ policy: wholePolicy, ...token })
  const tokenFile = await fileWith(t, `${id}\n`)
  return { ...(await open(vault, { login: { kind: 'token', tokenFile }, ...options })), token: id, tokenFile }
}

async function openAsRole(
  t: TestContext,
  vault: FakeVault,
  token: Partial<FakeToken> = {}
): Promise<Opened & { secretIdFile: string }> {
  vault.roles.push({ roleId: 'fetcher', secretId: 'not-a-secret', token: { policy: wholePolicy, ...token } })
  const secretIdFile = await fileWith(t, 'not-a-secret')
  const login = { kind: 'approle' as const, mount: 'approle', roleId: 'fetcher', secretIdFile }
  return { ...(await open(vault, { login })), secretIdFile }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000
  while (!condition()) {
    assert.ok(Date.now() < end, `${what}: not within a minute`)
    await wait(10)
  }
}

const secret = { clientId: 'sdmk', clientSecret: 'hush' }

// Together, since leases end by the clock.
describe('secrets in Vault', { concurrency: true }, () => {
  test('returns stored secrets, below the mount and path of the settings', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault)

    await store.write('kki', secret)

    assert.deepEqual(await store.read('kki'), secret)
    assert.deepEqual(vault.get('sdmk/kki'), secret)
  })

  test('sees a secret at once that another process stored in Vault', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault)
    await store.write('kki', secret)

    vault.put('sdmk/kki', { clientId: 'sdmk', clientSecret: 'rotated' })

    assert.deepEqual(await store.read('kki'), { clientId: 'sdmk', clientSecret: 'rotated' })
  })

  test('returns null for a secret that was never stored or was deleted', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault)
    assert.deepEqual(await store.readVersion('kki'), { value: null, version: '0' })
    vault.put('sdmk/kki', secret)
    vault.delete('sdmk/kki')

    assert.deepEqual(await store.readVersion('kki'), { value: null, version: '1' })
    assert.equal(await store.replace('kki', '1', secret), '2')
  })

  test('does not overwrite a secret that another process stored since it was read', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault)
    const { version } = await store.readVersion('kki-token')
    vault.put('sdmk/kki-token', { accessToken: 'theirs' })

    await assert.rejects(store.replace('kki-token', version, { accessToken: 'ours' }), {
      code: 'SDMK_SECRET_CHANGED',
      retryable: true
    })
    assert.deepEqual(vault.get('sdmk/kki-token'), { accessToken: 'theirs' })
  })

  test('of many that replace one version only one succeeds', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault)
    const writes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => store.replace('kki-token', '0', { accessToken: String(index) }))
    )

    assert.equal(writes.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  test('treats a write with a lost answer as done if it was carried out', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault)
    vault.troubles.push('cut-after')

    assert.equal(await store.replace('kki-token', '0', { accessToken: 'a' }), '1')
    assert.equal(vault.count('POST', 'secret/data/sdmk/kki-token'), 2)
  })

  for (const trouble of [500, 502, 503, 429, 412, 'cut-before'] as const) {
    test(`requests again after ${trouble}`, async t => {
      const vault = await startVault(t)
      const { store } = await openWithToken(t, vault)
      vault.put('sdmk/kki', secret)
      vault.troubles.push(trouble, trouble)

      assert.deepEqual(await store.read('kki'), secret)
      assert.equal(vault.count('GET', 'secret/data/sdmk/kki'), 3)
    })
  }

  test('stops waiting for a sealed Vault in time, says so, and continues once it is unsealed', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault, {}, { timeoutMs: 3000 })
    vault.put('sdmk/kki', secret)
    vault.isSealed = true

    await assert.rejects(store.read('kki'), {
      code: 'SDMK_SECRET_STORE_UNAVAILABLE',
      retryable: true,
      message: /is sealed.*\(waited 3000 ms\)/
    })
    vault.isSealed = false
    assert.deepEqual(await store.read('kki'), secret)
  })

  test('waits no longer than allowed for a Vault that does not answer', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault, {}, { timeoutMs: 3000 })
    vault.troubles.push('silent')

    await assert.rejects(store.read('kki'), { code: 'SDMK_SECRET_STORE_UNAVAILABLE', message: /waited 3000 ms/ })
  })

  test('names the secret that the policy does not allow, without another login', async t => {
    const vault = await startVault(t)
    const { store } = await openAsRole(t, vault, { policy: { 'secret/data/sdmk/odoo': ['read'] } })

    await assert.rejects(store.read('kki'), {
      code: 'SDMK_SECRET_UNREADABLE',
      message: /"kki" .*policy.*secret\/data\/sdmk \(403\)/
    })
    await assert.rejects(store.replace('odoo', '0', secret), { code: 'SDMK_SECRET_UNWRITABLE' })
    assert.equal(vault.count('POST', 'auth/approle/login'), 1)
  })

  test('reports a missing KV engine at the configured mount', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault, { policy: { '*': ['root'] } }, { mount: 'elsewhere' })

    await assert.rejects(store.read('kki'), {
      code: 'SDMK_SECRET_UNREADABLE',
      message: /SDMK_VAULT_MOUNT \(elsewhere\)/
    })
  })

  test('names the damaged secret, and not its content', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault)
    vault.put('sdmk/kki', { clientSecret: 12345 })

    await assert.rejects(store.read('kki'), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'SDMK_SECRET_UNREADABLE')
      assert.doesNotMatch(`${error.message} ${error.cause}`, /12345/)
      return true
    })
  })

  test('reports which secrets a login may read', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault, { policy: { 'secret/data/sdmk/kki': ['read'] } })

    assert.deepEqual(await store.findReadable(['kki', 'kki-token']), ['kki'])
  })

  test('sends the namespace with every request', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault, {}, { namespace: 'health/sdmk' })
    await store.read('kki')

    assert.deepEqual(new Set(vault.requests.map(({ namespace }) => namespace)), new Set(['health/sdmk']))
  })

  test('logs in as a role, and ends that login when it is closed', async t => {
    const vault = await startVault(t)
    const { store } = await openAsRole(t, vault)
    await store.write('kki', secret)
    const token = vault.requests.find(({ path }) => path === 'secret/data/sdmk/kki')?.token
    await store.close()

    assert.match(token ?? '', /^hvs\./)
    assert.equal(vault.requests.at(-1)?.path, 'auth/token/revoke-self')
    assert.equal(vault.requests.at(-1)?.token, token)
  })

  test('does not revoke a token that another program maintains', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault)
    await store.close()

    assert.equal(vault.count('POST', 'auth/token/revoke-self'), 0)
  })

  test('logs in again once if Vault no longer knows the token', async t => {
    const vault = await startVault(t)
    const { store } = await openAsRole(t, vault)
    vault.put('sdmk/kki', secret)
    vault.revokeAll()

    const found = await Promise.all(Array.from({ length: 8 }, () => store.read('kki')))

    assert.deepEqual(found, Array(8).fill(secret))
    assert.equal(vault.count('POST', 'auth/approle/login'), 2)
  })

  test('reads a rotated secret id and a new token without a restart', async t => {
    const vault = await startVault(t)
    vault.put('sdmk/kki', secret)
    const asRole = await openAsRole(t, vault)
    const withToken = await openWithToken(t, vault)
    vault.revokeAll()
    vault.roles[0] = { roleId: 'fetcher', secretId: 'rotated', token: { policy: wholePolicy } }
    await writeFile(asRole.secretIdFile, 'rotated')
    await writeFile(withToken.tokenFile, vault.addToken({ policy: wholePolicy }))

    assert.deepEqual(await asRole.store.read('kki'), secret)
    assert.deepEqual(await withToken.store.read('kki'), secret)
  })

  test('treats a lease beyond the largest number as a very long one', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault, { ttl: 1e300, renewable: false })
    await store.write('kki', secret)

    assert.deepEqual(await store.read('kki'), secret)
  })

  test('renews a login before it ends, without a new one', async t => {
    const vault = await startVault(t)
    // Long enough for a busy machine to renew it in time.
    await openAsRole(t, vault, { ttl: 15 })

    await until('two renewals', () => vault.count('POST', 'auth/token/renew-self') >= 2)
    assert.equal(vault.count('POST', 'auth/approle/login'), 1)
  })

  test('logs in again before the end of a login that cannot be renewed', async t => {
    const vault = await startVault(t)
    const { store } = await openAsRole(t, vault, { ttl: 2, renewable: false })
    vault.put('sdmk/kki', secret)

    await until('a second login', () => vault.count('POST', 'auth/approle/login') >= 2)
    assert.deepEqual(await store.read('kki'), secret)
    assert.equal(vault.count('POST', 'auth/token/renew-self'), 0)
  })

  test('logs in again when renewals reach the longest life of a token', async t => {
    const vault = await startVault(t)
    await openAsRole(t, vault, { ttl: 2, maxTtl: 3 })

    await until('a second login', () => vault.count('POST', 'auth/approle/login') >= 2)
    assert.ok(vault.count('POST', 'auth/token/renew-self') >= 1)
  })

  test('uses the rest of a login that was not renewed, and tries again', async t => {
    const vault = await startVault(t)
    const { store, logs } = await openAsRole(t, vault, { ttl: 15, renewable: false })
    vault.put('sdmk/kki', secret)
    const [role] = vault.roles.splice(0)

    await until('a failed login', () => logs.some(line => line.includes('was not renewed')))
    assert.deepEqual(await store.read('kki'), secret)
    assert.doesNotMatch(logs.join(), /hvs\.|not-a-secret/)
    vault.roles.push(role as NonNullable<typeof role>)
    await until('a second login', () => logs.filter(line => line.startsWith('logged in')).length === 2)
  })

  test('uses a token without an end unchanged', async t => {
    const vault = await startVault(t)
    const { store } = await openWithToken(t, vault, { ttl: 0 })
    await store.write('kki', secret)

    assert.deepEqual(await store.read('kki'), secret)
  })

  test('does not start with a denied login, and names the setting', async t => {
    const vault = await startVault(t)
    const file = await fileWith(t, 'hvs.unknown')
    const code = 'SDMK_CONFIGURATION'

    await assert.rejects(open(vault, { login: { kind: 'token', tokenFile: file } }), {
      code,
      message: 'SDMK_VAULT_TOKEN_FILE: Vault denies the token in it (403)'
    })
    await assert.rejects(
      open(vault, { login: { kind: 'approle', mount: 'approle', roleId: 'x', secretIdFile: file } }),
      {
        code,
        message: 'SDMK_VAULT_SECRET_ID_FILE: Vault denies this role and secret id (400)'
      }
    )
    await assert.rejects(open(vault, { login: { kind: 'token', tokenFile: `${file}-missing` } }), {
      code,
      message: 'SDMK_VAULT_TOKEN_FILE: its file cannot be read (ENOENT)'
    })
  })

  test('does not start with an unreachable or sealed Vault', async t => {
    const vault = await startVault(t)
    const login = { kind: 'token' as const, tokenFile: await fileWith(t, 'hvs.any') }
    vault.isSealed = true

    await assert.rejects(open(vault, { login, timeoutMs: 3000 }), {
      code: 'SDMK_SECRET_STORE_UNAVAILABLE',
      message: `SDMK_VAULT_ADDR: Vault at ${vault.url} is sealed (503) (waited 3000 ms)`
    })
    await assert.rejects(open(vault, { login, timeoutMs: 3000, address: 'http://127.0.0.1:1' }), {
      message: 'SDMK_VAULT_ADDR: Vault at http://127.0.0.1:1 cannot be reached (ECONNREFUSED) (waited 3000 ms)'
    })
  })

  test('destroys the former versions of a secret, and says if the policy does not allow it', async t => {
    const vault = await startVault(t)
    const policy = { ...wholePolicy, 'secret/destroy/sdmk/nik-keys': ['update' as const] }
    const { store } = await openWithToken(t, vault, { policy })
    await store.destroyFormer?.('nik-keys')
    await store.write('nik-keys', { digestKey: 'one' })
    await store.destroyFormer?.('nik-keys')
    assert.deepEqual(vault.destroyed, [], 'there was no former version')
    await store.write('nik-keys', { digestKey: 'two' })
    await store.write('nik-keys', { digestKey: 'three' })
    await store.destroyFormer?.('nik-keys')
    assert.deepEqual(vault.destroyed, [
      { key: 'sdmk/nik-keys', version: 1 },
      { key: 'sdmk/nik-keys', version: 2 }
    ])
    assert.deepEqual(await store.read('nik-keys'), { digestKey: 'three' })

    await store.write('kki', secret)
    await store.write('kki', { ...secret, clientId: 'other' })
    await assert.rejects(async () => store.destroyFormer?.('kki'), {
      code: 'SDMK_SECRET_UNWRITABLE',
      message: /former versions below secret\/destroy\/sdmk still exist: the policy .* \(403\)/
    })
  })

  test('trusts the certificates of the settings, and no others', async t => {
    const tls = selfSigned()
    const vault = await startVault(t, tls)
    vault.put('sdmk/kki', secret)
    const { store } = await openWithToken(t, vault, {}, { caFile: await fileWith(t, tls.cert) })
    assert.deepEqual(await store.read('kki'), secret)

    process.env.VAULT_SKIP_VERIFY = '1'
    t.after(() => delete process.env.VAULT_SKIP_VERIFY)
    await assert.rejects(openWithToken(t, vault, {}, { caFile: await fileWith(t, selfSigned().cert) }), {
      code: 'SDMK_SECRET_STORE_UNAVAILABLE',
      message: /certificate that cannot be trusted/
    })
  })

  test('reveals neither tokens nor secrets in any failure', async t => {
    const vault = await startVault(t)
    const { store, logs, token } = await openWithToken(t, vault, { renewable: false }, { timeoutMs: 3000 })
    await store.write('kki', secret)
    const errors: unknown[] = []
    const note = (error: unknown) => errors.push(error)
    vault.isSealed = true
    await store.read('kki').catch(note)
    await store.write('kki', secret).catch(note)
    vault.isSealed = false
    vault.revokeAll()
    await store.read('kki').catch(note)

    const told = [...logs, ...errors.map(error => inspectDeeply(error))].join('\n')
    assert.equal(errors.length, 3)
    assert.ok(!told.includes(token), told)
    assert.doesNotMatch(told, /hush/)
  })
})

function inspectDeeply(error: unknown): string {
  const { message, stack, cause } = error as Error
  return `${message} ${stack} ${JSON.stringify(error)} ${cause ? inspectDeeply(cause) : ''}`
}
