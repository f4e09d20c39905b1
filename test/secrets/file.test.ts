import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'

async function freshDirectory(t: TestContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'secrets-'))
  t.after(() => rm(parent, { recursive: true, force: true }))
  return join(parent, 'nested', 'secrets')
}

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

test('returns stored secrets, also to another process', async t => {
  const directory = await freshDirectory(t)
  const secret = { clientId: 'sdmk', clientSecret: 'not-a-secret' }
  await createFileSecretStore(directory).write('kki', secret)

  assert.deepEqual(await createFileSecretStore(directory).read('kki'), secret)
})

test('returns null for a secret that was never stored', async t => {
  const store = createFileSecretStore(await freshDirectory(t))

  assert.equal(await store.read('kki'), null)
})

test('replaces a secret as a whole and leaves no temporary file', async t => {
  const directory = await freshDirectory(t)
  const store = createFileSecretStore(directory)
  await store.write('kki-token', { accessToken: 'a', refreshToken: 'b' })
  await store.write('kki-token', { accessToken: 'c' })

  assert.deepEqual(await store.read('kki-token'), { accessToken: 'c' })
  assert.deepEqual(await readdir(directory), ['kki-token.json'])
})

test('never shows half a secret to a reader', async t => {
  const store = createFileSecretStore(await freshDirectory(t))
  await store.write('kki-token', { accessToken: 'x'.repeat(100_000) })
  const writes = Promise.all(
    Array.from({ length: 20 }, (_, index) => store.write('kki-token', { accessToken: String(index).repeat(100_000) }))
  )
  for (let reading = 0; reading < 50; reading++) {
    const { accessToken = '' } = (await store.read('kki-token')) ?? {}
    assert.ok(accessToken.length >= 100_000)
  }
  await writes
})

test('lets only its owner read', async t => {
  const directory = await freshDirectory(t)
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o755)
  await createFileSecretStore(directory).write('kki', { clientId: 'sdmk' })

  assert.equal(await modeOf(directory), 0o700)
  assert.equal(await modeOf(join(directory, 'kki.json')), 0o600)
})

for (const name of ['', '../kki', 'KKI', 'kki.json', 'a b', 'kki\n']) {
  test(`rejects the name ${JSON.stringify(name)}`, async t => {
    const store = createFileSecretStore(await freshDirectory(t))

    await assert.rejects(store.read(name), { code: 'SDMK_SECRET_NAME_INVALID' })
    await assert.rejects(store.write(name, {}), { code: 'SDMK_SECRET_NAME_INVALID' })
  })
}

test('fails with a retryable error while its directory is missing, and has its secrets when it is back', async t => {
  const directory = await freshDirectory(t)
  const store = createFileSecretStore(directory)
  await store.write('kki', { clientId: 'sdmk' })
  await rename(directory, `${directory}.away`)
  await writeFile(directory, '')
  for (const use of [() => store.read('kki'), () => store.write('kki', {}), () => store.replace('kki', 'v', {})]) {
    await assert.rejects(use, { code: 'SDMK_SECRET_STORE_UNAVAILABLE', retryable: true, message: /ENOTDIR|EEXIST/ })
  }
  await rm(directory)
  await rename(`${directory}.away`, directory)
  assert.deepEqual(await store.read('kki'), { clientId: 'sdmk' })
})

for (const content of ['{"clientSecret": "hush', '["hush"]', '{"clientSecret": 12345}']) {
  test(`names the damaged secret, and not its content: ${content}`, async t => {
    const directory = await freshDirectory(t)
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'kki.json'), content)

    await assert.rejects(createFileSecretStore(directory).read('kki'), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'SDMK_SECRET_UNREADABLE')
      assert.match(error.message, /secret "kki"/)
      assert.doesNotMatch(`${error.message} ${error.cause}`, /hush|12345/)
      return true
    })
  })
}

test('keeps the former secret when a new one cannot be stored', async t => {
  const directory = await freshDirectory(t)
  await mkdir(join(directory, 'kki.json'), { recursive: true })

  await assert.rejects(createFileSecretStore(directory).write('kki', { clientId: 'sdmk' }), {
    code: 'SDMK_SECRET_UNWRITABLE',
    secret: 'kki'
  })
  assert.deepEqual(await readdir(directory), ['kki.json'])
})

test('reports a secret that is a folder', async t => {
  const directory = await freshDirectory(t)
  await mkdir(join(directory, 'kki.json'), { recursive: true })

  await assert.rejects(createFileSecretStore(directory).read('kki'), {
    code: 'SDMK_SECRET_UNREADABLE',
    message: /EISDIR/
  })
})

test('reads a secret that an editor saved with a byte order mark, and reports one that is not UTF-8', async t => {
  const directory = await freshDirectory(t)
  const store = createFileSecretStore(directory)
  await store.write('kki', { clientSecret: 'first' })
  await writeFile(join(directory, 'kki.json'), '\ufeff{"clientSecret":"é"}')
  const { value, version } = await store.readVersion('kki')
  assert.deepEqual(value, { clientSecret: 'é' })
  await store.replace('kki', version, { clientSecret: 'next' })

  await writeFile(join(directory, 'kki.json'), '{"clientSecret":"é"}', 'latin1')
  await assert.rejects(store.read('kki'), { code: 'SDMK_SECRET_UNREADABLE', message: /NOT_UTF8/ })
})

test('does not overwrite a secret that another process stored since it was read', async t => {
  const store = createFileSecretStore(await freshDirectory(t))
  const first = await store.replace('kki-token', (await store.readVersion('kki-token')).version, { accessToken: 'a' })
  await store.write('kki-token', { accessToken: 'theirs' })

  await assert.rejects(store.replace('kki-token', first, { accessToken: 'ours' }), { code: 'SDMK_SECRET_CHANGED' })
  assert.deepEqual(await store.read('kki-token'), { accessToken: 'theirs' })
})

test('of many that create a new secret only one succeeds, and no temporary file is left', async t => {
  const directory = await freshDirectory(t)
  const store = createFileSecretStore(directory)
  const { version } = await store.readVersion('nik-keys')
  const made = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) => store.replace('nik-keys', version, { digestKey: String(index) }))
  )

  assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1)
  assert.deepEqual(await readdir(directory), ['nik-keys.json'])
})
