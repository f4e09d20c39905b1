import assert from 'node:assert/strict'
import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { loadConfig } from '../../sidecar/config.ts'
import { transports } from '../../sidecar/odoo/create-transport.ts'
import { checkDatabase } from '../../sidecar/platform/connection.ts'
import { databaseAddress } from '../../sidecar/platform/database-url.ts'
import { findAccount } from '../../sidecar/platform/embedded-binaries.ts'
import { startEmbeddedDatabase } from '../../sidecar/platform/embedded-database.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { runSdmk } from '../e2e/process.ts'
import {
  type CertificateCase,
  certificateCases,
  expired,
  type Identity,
  privateAuthority,
  selfSigned
} from '../helpers/certificate.ts'
import { serverUrl, silent } from '../helpers/server.ts'
import { startTlsFront } from '../helpers/tls-front.ts'
import { startVault, wholePolicy } from '../secrets/helpers/vault.ts'
import { callContext, clientFor } from '../source/helpers/client.ts'

const kki = { KKI_BASE_URL: 'https://kki.test' }
const odoo = { SDMK_ODOO_DATABASE: 'odoo' }
const vault = { SDMK_VAULT_TOKEN_FILE: '/run/token' }

test('unencrypted addresses of other machines are rejected, unless SDMK_INSECURE names them', () => {
  const cases: [string, string, string, Record<string, string>][] = [
    ['kki', 'KKI_BASE_URL', 'http://kki.test', {}],
    ['odoo', 'SDMK_ODOO_URL', 'http://odoo.test:8069', { ...kki, ...odoo }],
    ['vault', 'SDMK_VAULT_ADDR', 'http://10.0.0.7:8200', { ...kki, ...vault }],
    ['database', 'SDMK_DATABASE_URL', 'postgres://me:correct-horse@db.test/sdmk?sslmode=disable', kki]
  ]
  for (const [peer, variable, value, rest] of cases) {
    assert.throws(
      () => loadConfig({ ...rest, [variable]: value }),
      (error: Error) => error.message.startsWith(`${variable}: `) && !error.message.includes('correct-horse'),
      variable
    )
    const others = ['kki', 'odoo', 'vault', 'database'].filter(name => name !== peer).join()
    assert.throws(() => loadConfig({ ...rest, [variable]: value, SDMK_INSECURE: others }), { variable })
    assert.deepEqual(loadConfig({ ...rest, [variable]: value, SDMK_INSECURE: peer }).insecure, [peer])
  }
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '127.8.9.1', 'kki.localhost']) {
    assert.equal(loadConfig({ KKI_BASE_URL: `http://${host}:8080` }).kki.baseUrl, `http://${host}:8080`)
  }
  for (const host of ['localhost.example', '128.0.0.1', '127.0.0.1.example', '[::2]', '0.0.0.0']) {
    assert.throws(() => loadConfig({ KKI_BASE_URL: `http://${host}:8080` }), { variable: 'KKI_BASE_URL' }, host)
  }
})

test('a switch that turns off all certificate checks stops the start', () => {
  assert.throws(() => loadConfig({ ...kki, NODE_TLS_REJECT_UNAUTHORIZED: '0' }), {
    variable: 'NODE_TLS_REJECT_UNAUTHORIZED'
  })
})

test('a database on another machine uses TLS with all checks, whatever its URL leaves open', () => {
  const remote = 'postgres://me:pw@db.test:5432/sdmk'
  const cases: [string, string, string?][] = [
    [remote, 'verified', `${remote}?sslmode=verify-full`],
    [`${remote}?application_name=a`, 'verified', `${remote}?application_name=a&sslmode=verify-full`],
    [`${remote}?sslmode=require`, 'verified', `${remote}?sslmode=verify-full`],
    [`${remote}?sslmode=prefer&a=b`, 'verified', `${remote}?sslmode=verify-full&a=b`],
    [`${remote}?sslmode=verify-full`, 'verified'],
    [`${remote}?ssl=true`, 'verified'],
    [`${remote}?sslmode=disable`, 'unverified'],
    [`${remote}?sslmode=no-verify`, 'unverified'],
    [`${remote}?ssl=0`, 'unverified'],
    [`${remote}?ssl=no-verify`, 'unverified'],
    [`${remote}?uselibpqcompat=true&sslmode=require`, 'unverified'],
    [`${remote}?uselibpqcompat=true&sslmode=prefer`, 'unverified'],
    ['postgres://me:pw@127.0.0.1:5432/sdmk', 'local'],
    [
      'postgres://me:pw@127.0.0.1/sdmk?host=db.test',
      'verified',
      'postgres://me:pw@127.0.0.1/sdmk?host=db.test&sslmode=verify-full'
    ],
    ['postgres://me:pw@db.test/sdmk?host=/run/postgresql', 'local'],
    ['postgres://me@%2Frun%2Fpostgresql/sdmk', 'local'],
    ['postgres:///sdmk', 'local']
  ]
  for (const [url, tls, used = url] of cases) assert.deepEqual(databaseAddress(url, ''), { url: used, tls }, url)
  assert.equal(databaseAddress('postgres:///sdmk', 'db.test').tls, 'verified', 'the host of the environment counts')
  process.env.PGSSLMODE = 'disable'
  try {
    const { ssl } = new pg.Client({ connectionString: databaseAddress(remote).url }) as unknown as { ssl: unknown }
    assert.ok(ssl, 'the environment cannot switch it off')
  } finally {
    delete process.env.PGSSLMODE
  }
})

/** A PostgreSQL with TLS and this certificate. */
async function startTlsDatabase(t: TestContext, { key, cert }: Identity) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-tls-'))
  await chmod(directory, 0o711)
  t.after(() => rm(directory, { recursive: true, force: true }))
  const files = { key: path.join(directory, 'server.key'), cert: path.join(directory, 'server.crt') }
  await writeFile(files.key, key, { mode: 0o600 })
  await writeFile(files.cert, cert)
  const { uid, gid } = await findAccount()
  if (uid !== undefined && gid !== undefined) await chown(files.key, uid, gid)
  assert.ok(await stat(files.key))
  const settings = { ssl: 'on', ssl_key_file: files.key, ssl_cert_file: files.cert, shared_buffers: '16MB' }
  const database = await startEmbeddedDatabase({ directory, logger: silent, settings })
  t.after(() => database.stop())
  return { url: database.url, certFile: files.cert }
}

test('PostgreSQL is rejected with an untrusted certificate, or under another name', {
  timeout: 300_000
}, async t => {
  const { url, certFile } = await startTlsDatabase(t, selfSigned())
  const reason = (code: RegExp) => ({ code: 'SDMK_DATABASE_UNAVAILABLE', message: code })
  await assert.rejects(checkDatabase(`${url}?sslmode=verify-full`), reason(/SELF_SIGNED/))
  // Another spelling of 127.0.0.1 that does not count as local: the case of a URL without TLS settings for another machine.
  const elsewhere = databaseAddress(url.replace('127.0.0.1', '0x7f.1')).url
  await assert.rejects(checkDatabase(elsewhere), reason(/SELF_SIGNED/))
  const byName = url.replace('127.0.0.1', 'localhost')
  await assert.rejects(checkDatabase(`${byName}?sslmode=verify-full&sslrootcert=${certFile}`), reason(/ALTNAME/))
  await checkDatabase(`${url}?sslmode=verify-full&sslrootcert=${certFile}`)
})

test('PostgreSQL without TLS is rejected, and the error names both settings that allow it', async () => {
  await assert.rejects(checkDatabase(`${await serverUrl()}?sslmode=verify-full`), {
    code: 'SDMK_DATABASE_UNAVAILABLE',
    message: /offers no TLS.+sslmode=disable.+SDMK_INSECURE=database/
  })
})

test('PostgreSQL with a certificate of a private authority is accepted, and rejected once that has expired', {
  timeout: 300_000
}, async t => {
  const authority = privateAuthority('Rekaan')
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sdmk-tls-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const caFile = path.join(folder, 'ca.crt')
  await writeFile(caFile, authority.cert)
  const valid = await startTlsDatabase(t, authority.issue())
  await checkDatabase(`${valid.url}?sslmode=verify-full&sslrootcert=${caFile}`)
  const old = await startTlsDatabase(t, authority.issue({ until: expired }))
  await assert.rejects(checkDatabase(`${old.url}?sslmode=verify-full&sslrootcert=${caFile}`), {
    code: 'SDMK_DATABASE_UNAVAILABLE',
    message: /CERT_HAS_EXPIRED/
  })
})

/** The setting that the line about a rejected certificate names. */
const settingOf = (code: CertificateCase['code'], address: string, authority: string) =>
  code === 'DEPTH_ZERO_SELF_SIGNED_CERT' ? authority : address

async function writeAuthority(t: TestContext) {
  const authority = privateAuthority('Rekaan')
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sdmk-tls-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const caFile = path.join(folder, 'ca.crt')
  await writeFile(caFile, authority.cert)
  return { folder, caFile, cases: certificateCases(authority) }
}

test('KKI with a certificate of a private authority is accepted; one that is wrong is named in one line', {
  timeout: 300_000
}, async t => {
  const { folder, caFile, cases } = await writeAuthority(t)
  const simulator = await startSimulator({ rows: 10 })
  t.after(() => simulator.close())
  await createFileSecretStore(folder).write('kki', simulator.secret)
  for (const { name, identity, code: reason } of cases) {
    const front = await startTlsFront(t, identity, simulator.url)
    const { code, stdout, stderr } = await runSdmk(['source', 'check'], {
      KKI_BASE_URL: front.url,
      KKI_RETRIES: '0',
      SDMK_SECRETS_DIR: folder,
      NODE_EXTRA_CA_CERTS: caFile
    })
    const said = `${stdout}\n${stderr}`
    if (reason === null) assert.equal(code, 0, said)
    else {
      assert.notEqual(code, 0, name)
      const lines = said.split('\n').filter(line => line.includes(reason))
      assert.equal(lines.length, 1, `${name}: ${said}`)
      assert.ok(lines[0]?.includes(settingOf(reason, 'KKI_BASE_URL', 'NODE_EXTRA_CA_CERTS')), lines[0])
      assert.equal(front.requests(), 0, name)
    }
  }
})

test('Vault with a certificate of a private authority is accepted; one that is wrong is named in one line', {
  timeout: 300_000
}, async t => {
  const { folder, caFile, cases } = await writeAuthority(t)
  const vault = await startVault(t)
  const tokenFile = path.join(folder, 'token')
  await writeFile(tokenFile, vault.addToken({ policy: wholePolicy }))
  for (const { name, identity, code: reason } of cases) {
    const front = await startTlsFront(t, identity, vault.url)
    const env = { SDMK_VAULT_ADDR: front.url, SDMK_VAULT_TOKEN_FILE: tokenFile, SDMK_VAULT_CA_FILE: caFile }
    const { code, stdout, stderr } = await runSdmk(['keys', 'init'], env)
    if (reason === null) {
      assert.equal(code, 0, stdout + stderr)
      assert.ok(vault.get('sdmk/nik-keys'), 'the keys are in Vault')
      const { SDMK_VAULT_CA_FILE: _, ...without } = env
      assert.notEqual((await runSdmk(['keys', 'init'], without)).code, 0, 'without the setting nobody trusts it')
      const unreadable = await runSdmk(['keys', 'init'], { ...env, SDMK_VAULT_CA_FILE: tokenFile })
      assert.match(unreadable.stderr, /^sdmk: SDMK_VAULT_CA_FILE: its file cannot be read as certificates[^\n]*\n$/)
    } else {
      assert.notEqual(code, 0, name)
      assert.equal(stdout, '')
      assert.match(stderr, new RegExp(`^sdmk: SDMK_VAULT_ADDR: Vault at [^\n]* \\(${reason}\\)\n$`), name)
      assert.ok(stderr.includes(settingOf(reason, 'SDMK_VAULT_ADDR', 'SDMK_VAULT_CA_FILE')), stderr)
      assert.equal(front.requests(), 0, name)
    }
  }
})

test('a file of certificate authorities that Node would ignore stops the start', async t => {
  const { folder, caFile } = await writeAuthority(t)
  assert.ok(loadConfig({ ...kki, NODE_EXTRA_CA_CERTS: caFile }))
  const empty = path.join(folder, 'empty.crt')
  await writeFile(empty, 'no certificate')
  for (const file of [empty, `${caFile}-missing`]) {
    assert.throws(() => loadConfig({ ...kki, NODE_EXTRA_CA_CERTS: file }), { variable: 'NODE_EXTRA_CA_CERTS' }, file)
  }
})

test('KKI and Odoo are rejected with an untrusted certificate, and nothing is sent to them', async t => {
  let requests = 0
  const server = createServer(selfSigned(), (request, response) => {
    requests++
    request.resume()
    response.end('{}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise(resolve => server.close(resolve)))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`

  const { client } = clientFor(t, { url } as never, { retries: 0 })
  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), (error: Error) =>
    /SELF_SIGNED|certificate/i.test(chainOf(error))
  )
  for (const [name, create] of Object.entries(transports)) {
    const transport = create({ baseUrl: url, database: 'odoo', login: 'sdmk', apiKey: 'not-a-key', timeoutMs: 5000 })
    t.after(() => transport.close())
    const call = {
      model: 'm',
      method: 'f',
      payload: '{}',
      requestId: 'r',
      traceparent: '',
      signal: new AbortController().signal
    }
    await assert.rejects(transport.call(call), (error: Error) => /SELF_SIGNED|self-signed/i.test(chainOf(error)), name)
  }
  assert.equal(requests, 0)
})

/** The texts and codes of an error and of all that caused it. */
function chainOf(error: unknown): string {
  const { code, message, cause } = error as { code?: string; message?: string; cause?: unknown }
  return `${code} ${message} ${cause ? chainOf(cause) : ''}`
}
