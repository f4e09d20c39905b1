import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFile, chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { serviceRole } from '../../sidecar/platform/embedded-database.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { type Connector, inject, kkiRecord, startConnector, temporaryFolder } from '../e2e/helpers.ts'
import { runSdmk, until } from '../e2e/process.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent, startServer } from '../helpers/server.ts'
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

test('a container without a data folder needs none, since its database is elsewhere', async t => {
  const connector = await startConnector(t)
  const { stateOf } = await examine({ ...envOf(connector), SDMK_DATA_DIR: path.join(connector.secretsDir, 'none') })
  assert.equal(stateOf('disk'), 'skipped')
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

/** A server with our schema, and a standby that follows it. */
async function startPair(t: TestContext) {
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-pair-'))
  // The user of PostgreSQL must be able to enter.
  await chmod(folder, 0o711)
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  t.after(async () => {
    for (const close of closers.reverse()) await close()
  })
  const places = { primary: path.join(folder, 'primary'), standby: path.join(folder, 'standby') }
  const first = await startServer(places.primary)
  await migrate({ databaseUrl: first.url, grantTo: serviceRole, logger: silent })
  await first.stop()
  // With its owner, who is not always the one who runs this.
  await promisify(execFile)('cp', ['-a', places.primary, places.standby])
  const primary = await startServer(places.primary)
  closers.push(() => primary.stop())
  const { hostname, port, username, password } = new URL(primary.url)
  const data = path.join(places.standby, 'postgres/cluster/data')
  const from = `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}`
  await appendFile(path.join(data, 'postgresql.auto.conf'), `primary_conninfo = '${from}'\n`)
  await writeFile(path.join(data, 'standby.signal'), '')
  const standby = await startServer(places.standby)
  closers.push(() => standby.stop())
  const ask = async (url: string, text: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(text)).rows[0] as Record<string, unknown> | undefined
    } finally {
      await client.end()
    }
  }
  return { primary, standby, ask }
}

test('a standby for reads must answer, follow the primary, and not be further behind than reads may be', async t => {
  const { primary, standby, ask } = await startPair(t)
  const examineReads = async (readUrl: string) => {
    const { findings } = await examine({
      SDMK_DATABASE_URL: primary.serviceUrl,
      SDMK_DATABASE_READ_URL: readUrl,
      SDMK_DATABASE_READ_AGE: '2',
      SDMK_SECRETS_DIR: await temporaryFolder(t)
    })
    return findings.find(({ check }) => check === 'standby for reads')
  }
  // A copy of a server begins to follow it after a moment.
  await until('the standby follows', async () => (await examineReads(standby.serviceUrl))?.state === 'ok')

  await ask(standby.url, 'select pg_wal_replay_pause()')
  await ask(primary.url, 'create table public.later ()')
  await until('the replay is paused', async () => {
    const found = await ask(standby.url, 'select pg_get_wal_replay_pause_state() as state')
    return found?.state === 'paused'
  })
  const behind = await examineReads(standby.serviceUrl)
  assert.equal(behind?.state, 'warning', JSON.stringify(behind))
  assert.match(behind?.found ?? '', /has not yet what the primary wrote 2 s ago/)
  await ask(standby.url, 'select pg_wal_replay_resume()')
  assert.equal((await examineReads(standby.serviceUrl))?.state, 'ok')

  const other = await createTestDatabase(t)
  for (const [url, says] of [
    [primary.serviceUrl, /^SDMK_DATABASE_READ_URL: the database at \S+ is no standby/],
    [other.url, /^SDMK_DATABASE_READ_URL: the database at \S+ is of another cluster/],
    ['postgres://sdmk@127.0.0.1:9/sdmk', /^SDMK_DATABASE_READ_URL: the database at 127\.0\.0\.1:9 cannot be reached/]
  ] as const) {
    const found = await examineReads(url)
    assert.equal(found?.state, 'failed')
    assert.match(found?.found ?? '', says)
    assert.ok(found?.fix?.includes('SDMK_DATABASE_READ_URL'))
  }
})

test('a schema that a newer version has migrated is a warning', async t => {
  const { url, pool } = await createTestDatabase(t)
  await pool.query(`insert into kki.schema_version (version) select max(version) + 1 from kki.schema_version`)
  const { findings } = await examine({ SDMK_DATABASE_URL: url, SDMK_SECRETS_DIR: await temporaryFolder(t) })
  const schema = findings.find(({ check }) => check === 'schema')
  assert.equal(schema?.state, 'warning')
  assert.match(schema?.fix ?? '', /Install the newer version/)
})
