import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { temporaryFolder } from './helpers.ts'
import { runSdmk } from './process.ts'

/** Asserts one line that names the variable and no stack trace. */
function assertOneLine({ code, stderr }: { code: number | null; stderr: string }, expected: RegExp) {
  assert.notEqual(code, 0)
  assert.match(stderr, expected)
  assert.equal(stderr.trim().split('\n').length, 1, stderr)
  assert.doesNotMatch(stderr, /\n\s+at /)
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

describe('an impossible start ends with one line that names the cause', { concurrency: true }, () => {
  test('a setting with a bad value', async () => {
    const env = { KKI_BASE_URL: 'http://127.0.0.1:1', SDMK_PORT: 'eighty' }
    assertOneLine(await runSdmk(['serve'], env), /^sdmk: SDMK_PORT: must be a whole number/)
  })

  test('a setting that does not exist', async () => {
    const env = { KKI_BASE_URL: 'http://127.0.0.1:1', SDMK_PROT: '80' }
    assertOneLine(await runSdmk(['serve'], env), /^sdmk: SDMK_PROT: .*SDMK_PORT/)
  })

  test('no address of KKI', async () => {
    assertOneLine(await runSdmk(['serve'], {}), /^sdmk: KKI_BASE_URL: is required/)
  })

  test('a database that cannot be reached, without its password', async t => {
    const secrets = await temporaryFolder(t)
    await initIdentity(createFileSecretStore(secrets))
    const result = await runSdmk(['serve'], {
      KKI_BASE_URL: 'http://127.0.0.1:1',
      SDMK_SECRETS_DIR: secrets,
      SDMK_DATABASE_URL: `postgres://somebody:very-secret@127.0.0.1:${await closedPort()}/sdmk`
    })
    assertOneLine(result, /^sdmk: SDMK_DATABASE_URL: the database at 127\.0\.0\.1:\d+ cannot be reached/)
    assert.doesNotMatch(result.stderr, /very-secret/)
  })

  test('no keys for identity numbers', async t => {
    const { url } = await createTestDatabase(t)
    const env = {
      KKI_BASE_URL: 'http://127.0.0.1:1',
      SDMK_SECRETS_DIR: await temporaryFolder(t),
      SDMK_DATABASE_URL: url
    }
    assertOneLine(await runSdmk(['serve'], env), /^sdmk: SDMK_SECRETS_DIR: .*nik-keys.*sdmk keys init/)
  })

  test('no key that signs the audit, which "sdmk keys init" adds without touching the other keys', async t => {
    const { url } = await createTestDatabase(t)
    const folder = await temporaryFolder(t)
    const secrets = createFileSecretStore(folder)
    await initIdentity(secrets)
    const { auditKeyId: _, auditKey1, ...others } = (await secrets.read('nik-keys')) ?? {}
    await secrets.write('nik-keys', others)
    const env = { KKI_BASE_URL: 'http://127.0.0.1:1', SDMK_SECRETS_DIR: folder, SDMK_DATABASE_URL: url }
    const why = /^sdmk: SDMK_SECRETS_DIR: "auditKeyId" of the secret "nik-keys" is missing; "sdmk keys init" adds/
    assertOneLine(await runSdmk(['serve'], env), why)
    assertOneLine(await runSdmk(['audit', 'verify'], env), why)
    const made = await runSdmk(['keys', 'init'], env)
    assert.match(made.stdout, /The keys were created/, made.stderr)
    const { auditKeyId, auditKey1: added, ...kept } = (await secrets.read('nik-keys')) ?? {}
    assert.deepEqual({ kept, auditKeyId }, { kept: others, auditKeyId: '1' })
    assert.ok(added && added !== auditKey1)
    assert.match((await runSdmk(['keys', 'init'], env)).stdout, /The keys already exist/)
    const verified = await runSdmk(['audit', 'verify'], env)
    assert.equal(verified.code, 0, verified.stderr)
  })
})

describe('a run that cannot succeed reports why', { concurrency: true }, () => {
  async function sync(
    t: Parameters<typeof createTestDatabase>[0],
    baseUrl: string,
    credentials: Record<string, string> | null
  ) {
    const { url } = await createTestDatabase(t)
    const folder = await temporaryFolder(t)
    const secrets = createFileSecretStore(folder)
    await initIdentity(secrets)
    if (credentials) await secrets.write('kki', credentials)
    const env = { KKI_BASE_URL: baseUrl, KKI_RETRY_BASE: '10', SDMK_SECRETS_DIR: folder, SDMK_DATABASE_URL: url }
    return runSdmk(['sync'], env)
  }

  test('KKI cannot be reached', async t => {
    const { code, stdout, stderr } = await sync(t, `http://127.0.0.1:${await closedPort()}`, {
      clientId: 'a',
      clientSecret: 'b'
    })
    assert.equal(code, 1)
    assert.match(stdout, /failed: KKI at http:\/\/127\.0\.0\.1:\d+ cannot be reached/)
    assert.match(stdout, /KKI_BASE_URL/)
    assert.doesNotMatch(stdout + stderr, /\n\s+at /)
  })

  test('KKI denies the credentials', async t => {
    const simulator = await startSimulator({ rows: 10 })
    t.after(() => simulator.close())
    const { code, stdout, stderr } = await sync(t, simulator.url, {
      clientId: simulator.clientId,
      clientSecret: 'wrong-secret'
    })
    assert.equal(code, 1)
    assert.match(stdout, /credentials/)
    assert.match(stdout, /SDMK_SECRETS_DIR/)
    assert.doesNotMatch(stdout + stderr, /wrong-secret|\n\s+at /)
  })
})
