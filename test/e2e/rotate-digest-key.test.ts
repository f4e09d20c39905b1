import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, type TestContext, test } from 'node:test'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { type DigestRotation, rotateDigestKey } from '../../sidecar/cli/rotate-digest-key.ts'
import { DigestKeyUnknown } from '../../sidecar/identity/errors.ts'
import { createIdentity } from '../../sidecar/identity/keys.ts'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { serviceUrlOf } from '../../sidecar/platform/embedded-database.ts'
import { redigest } from '../../sidecar/privacy/redigest.ts'
import { addDigestKey, readDigestKeys } from '../../sidecar/privacy/redigest-keys.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { fetchPatiently } from '../helpers/patiently.ts'
import { searchDatabase } from '../helpers/search.ts'
import { silent } from '../helpers/server.ts'
import {
  type Connector,
  type ConnectorOptions,
  fault,
  inject,
  kkiRecord,
  resolve,
  startConnector,
  waitForRun
} from './helpers.ts'
import { environment, runSdmk, sdmk, serve, until } from './process.ts'

type KkiRecord = Record<string, unknown>
type Found = { items: { id: number; version: number; registrations: object[] }[] }
type Refused = { code: string }

/** All that KKI has of the one profession that these tests use. */
const full = { mode: 'full', professions: ['doctor'] }

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
const sum = (batches: BatchBody[], counter: keyof BatchBody['ledger']) =>
  batches.reduce((total, { ledger }) => total + ledger[counter], 0)

/** A connector, with the hands of who rotates its digest key. */
async function start(t: TestContext, options: ConnectorOptions = {}) {
  const connector = await startConnector(t, { ...options, env: { SDMK_NIK_LOOKUPS: '1000000', ...options.env } })
  const { pool, secretsDir, simulator, call, stop, restart } = connector
  const secrets = createFileSecretStore(secretsDir)
  const ownerUrl = pool.options.connectionString ?? ''
  // A separate pool, so that no request of the test waits for it.
  const owner = createDatabase({ url: ownerUrl, maxConnections: 2 }, silent)
  t.after(() => owner.pool.end())
  const asOwner = { SDMK_DATABASE_URL: ownerUrl, SDMK_SECRETS_DIR: secretsDir }
  return {
    ...connector,
    secrets,
    owner,
    asOwner,
    /** The settings of a separate process that serves instead of the test's sidecar. */
    asService: {
      ...asOwner,
      SDMK_DATABASE_URL: serviceUrlOf(ownerUrl),
      KKI_BASE_URL: simulator.url,
      KKI_SETTLE: '0',
      KKI_RETRY_BASE: '20'
    },
    command: () => runSdmk(['keys', 'rotate', '--digest', '--json'], asOwner),
    /** Rotates the key while the sidecar is stopped. */
    rotate: async () => {
      await stop()
      const { replaced } = await rotateDigestKey(secrets, owner)
      await restart({})
      return replaced
    },
    find: async (nik: unknown) => {
      const { status, body } = await call('POST', '/v1/health-workers/search-by-nik', { nik, reason: 'A test' })
      assert.equal(status, 200, JSON.stringify(body))
      return (body as Found).items
    },
    people: async () => (await pool.query('select count(*) as count from sdmk.health_worker')).rows[0].count as number
  }
}

/** Loads people into the registry. */
async function load({ simulator, run }: Connector, count: number): Promise<KkiRecord[]> {
  const records = Array.from({ length: count }, () => kkiRecord({ diubah_pada: ago(600) }))
  await inject(
    simulator,
    records.map((record, i) => ({ id: `known-${i}`, record }))
  )
  assert.equal((await run({ mode: 'incremental' })).state, 'applied')
  return records
}

/** More new licences of people who are known would wait for a person. */
const mostNew = 20

/** Everybody comes with a changed licence, theirs by STR and NIK; some with a new one as well, theirs by NIK alone. */
async function renew({ simulator }: Connector, records: KkiRecord[], newLicences = mostNew): Promise<void> {
  await inject(simulator, [
    ...records.map((record, i) => ({
      id: `known-${i}`,
      record: { ...record, institusi_pendidikan: 'Universitas Rekaan', diubah_pada: ago(300) }
    })),
    ...records.slice(0, newLicences).map((record, i) => ({
      id: `new-${i}`,
      record: { ...record, nomor_str: `RN${String(i).padStart(14, '0')}`, diubah_pada: ago(200) }
    }))
  ])
}

function assertRenewed(run: RunBody, count: number, newLicences = mostNew): void {
  assert.equal(run.state, 'applied', JSON.stringify(run.batches[0]))
  const counted = (['created', 'linked', 'updated', 'rejected'] as const).map(name => sum(run.batches, name))
  assert.deepEqual(counted, [0, Math.min(count, newLicences), count, 0])
}

const readRun =
  ({ call }: Connector) =>
  (id: number) =>
    call('GET', `/v1/runs/${id}`)

async function order({ call }: Connector, body: object): Promise<number> {
  const { status, body: run } = await call('POST', '/v1/runs', body)
  assert.equal(status, 202, JSON.stringify(run))
  return (run as RunBody).id
}

/** Orders a run of a separate process. */
async function orderOf({ key }: Connector, url: string, body: object): Promise<number> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const response = await fetchPatiently(`${url}/v1/runs`, { method: 'POST', headers, body: JSON.stringify(body) })
  assert.equal(response.status, 202)
  return ((await response.json()) as RunBody).id
}

async function assertNothingLeft({ pool }: Pick<Connector, 'pool'>, former: Buffer[]): Promise<void> {
  assert.deepEqual(
    await searchDatabase(
      pool,
      former.map(bytes => bytes.toString('hex'))
    ),
    []
  )
}

describe('sdmk keys rotate --digest', () => {
  test('is denied with the names of the running processes, and done once they have ended', async t => {
    const connector = await start(t)
    const { secrets, pool, asService, command, stop, restart } = connector
    const records = await load(connector, 30)
    const former = (await readDigestKeys(secrets)).present
    await stop()
    const service = await serve(t, { ...asService, SDMK_ROLES: 'fetch,api' })
    const refused = await command()
    assert.equal(refused.code, 75)
    const { rows } = await pool.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'sdmk fetch,api' and datname = current_database()`
    )
    const pids = /"sdmk fetch,api" from 127\.0\.0\.1 \(PostgreSQL pid ([\d, ]+)\)/
      .exec(refused.stderr)?.[1]
      ?.split(', ')
    assert.ok(
      pids?.some(pid => rows.some(row => row.pid === Number(pid))),
      refused.stderr
    )
    assert.equal((await readDigestKeys(secrets)).next, null)
    await service.kill('SIGTERM')
    const { code, stdout, stderr } = await command()
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^\d+ values: digesting takes about \d+ s/)
    const { replaced } = JSON.parse(stdout) as DigestRotation
    assert.deepEqual(replaced?.lost, {})
    assert.ok(replaced.digests >= 30)
    await assertNothingLeft(connector, [
      former.fingerprint,
      ...records.map(({ nik }) => former.digestNik(nik as string))
    ])
    await restart({})
    await renew(connector, records)
    assertRenewed(await connector.run(full), 30)
    const again = await connector.run(full)
    assert.equal(sum(again.batches, 'unchanged'), 30 + mostNew)
    assert.equal(await connector.people(), 30)
  })

  test('denies a process that was paused during the rotation, and that process ends', async t => {
    const connector = await start(t)
    const { simulator, pool, secrets, asService, command, stop, restart } = connector
    const records = await load(connector, 30)
    await renew(connector, records)
    const former = (await readDigestKeys(secrets)).present
    await stop()
    const service = await serve(t, { ...asService, KKI_PAGE_SIZE: '5' })
    await fault(simulator, { kind: 'slow', ms: 60_000, times: 0, afterPages: 3 })
    const id = await orderOf(connector, service.url, full)
    await until('the run is fetched', async () => {
      const { rows } = await pool.query(`select from kki.batch where run_id = $1 and state = 'fetching'`, [id])
      return rows.length > 0
    })
    service.child.kill('SIGSTOP')
    // As the server does with a client that no longer answers.
    await pool.query(
      `select pg_terminate_backend(pid, 10000) from pg_stat_activity
      where datname = current_database() and usename <> current_user`
    )
    const rotation = await command()
    assert.equal(rotation.code, 0, rotation.stderr)
    await fetch(`${simulator.url}/_faults`, { method: 'DELETE' })
    service.child.kill('SIGCONT')
    await until('the process ends', async () => service.child.exitCode !== null)
    assert.equal(service.child.exitCode, 1)
    assert.match(service.output(), /SDMK_DIGEST_KEY_UNKNOWN/)
    await assertNothingLeft(connector, [
      former.fingerprint,
      ...records.map(({ nik }) => former.digestNik(nik as string))
    ])
    await restart({})
    assertRenewed(await waitForRun(readRun(connector), id), 30)
    assert.equal(await connector.people(), 30)
  })

  test('is rolled back by kill -9, lets services run again, and is done by the next call', async t => {
    const connector = await start(t)
    const { pool, secrets, asOwner, command, stop, restart } = connector
    const records = await load(connector, 30)
    const { present } = await readDigestKeys(secrets)
    await stop()
    // One of the last tables that are updated.
    const holder = await pool.connect()
    await holder.query('begin; lock table kki.staged_row in share mode')
    const child = spawn(process.execPath, [sdmk, 'keys', 'rotate', '--digest'], {
      env: environment(asOwner),
      stdio: 'ignore'
    })
    t.after(() => child.kill('SIGKILL'))
    await until('the rotation waits for a table', async () => {
      const { rows } = await pool.query(
        `select from pg_locks where not granted and relation = 'kki.staged_row'::regclass`
      )
      return rows.length > 0
    })
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await holder.query('rollback')
    holder.release()
    const { next } = await readDigestKeys(secrets)
    assert.ok(next)
    await until('the server has missed the rotation', async () => {
      const { rows } = await pool.query(
        `select from pg_stat_activity where application_name = 'sdmk' and pid <> pg_backend_pid() and datname = current_database() and backend_xid is not null`
      )
      return rows.length === 0
    })
    await restart({})
    assert.equal((await connector.find(records[0]?.nik)).length, 1)
    await renew(connector, records)
    assertRenewed(await connector.run(full), 30)
    await stop()
    const { code, stderr } = await command()
    assert.equal(code, 0, stderr)
    assert.deepEqual((await readDigestKeys(secrets)).present.fingerprint, next.fingerprint)
    await assertNothingLeft(connector, [present.fingerprint])
    await restart({})
    const again = await connector.run(full)
    assert.equal(sum(again.batches, 'unchanged'), 30 + mostNew)
    assert.equal(await connector.people(), 30)
  })

  test('is completed by the next call if it was interrupted after the digests were replaced; no service starts in between', async t => {
    const connector = await start(t)
    const { secrets, owner, command, stop, restart } = connector
    const records = await load(connector, 10)
    await stop()
    const keys = await addDigestKey(secrets)
    await owner.withTransaction(client => redigest(client, keys))
    await assert.rejects(restart({}), (error: unknown) => {
      assert.ok(error instanceof DigestKeyUnknown)
      assert.match(error.message, /if a rotation was interrupted, run "sdmk keys rotate --digest" again/)
      return true
    })
    const { code, stdout, stderr } = await command()
    assert.equal(code, 0, stderr)
    assert.deepEqual(JSON.parse(stdout), { replaced: null })
    const { present, next } = await readDigestKeys(secrets)
    assert.deepEqual([present.fingerprint, next], [keys.next.fingerprint, null])
    await restart({})
    assert.equal((await connector.find(records[9]?.nik)).length, 1)
  })

  test('includes rows that are staged and not planned yet', async t => {
    const connector = await start(t)
    const records = await load(connector, 60)
    await renew(connector, records)
    await connector.restart({ SDMK_ROLES: 'fetch,api' })
    const id = await order(connector, full)
    await until('all pages are staged', async () => {
      const { rows } = await connector.pool.query(
        'select from kki.batch where run_id = $1 and fetched_at is null limit 1',
        [id]
      )
      return rows.length === 0
    })
    const replaced = await connector.rotate()
    assert.ok(replaced !== null && replaced.digests >= 140, JSON.stringify(replaced))
    assertRenewed(await waitForRun(readRun(connector), id), 60)
    assert.equal(await connector.people(), 60)
  })

  test('keeps a reviewed plan: a held batch applies with the digest of its plan', async t => {
    const connector = await start(t)
    const records = await load(connector, 30)
    await renew(connector, records)
    const held = await connector.run({ ...full, apply: 'hold' })
    const [batch] = held.batches
    assert.equal(batch?.state, 'held')
    await connector.rotate()
    const applied = await connector.call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: batch.planDigest })
    assert.equal(applied.status, 200, JSON.stringify(applied.body))
    assertRenewed({ ...held, state: 'applied', batches: [applied.body as BatchBody] }, 30)
    assert.equal(await connector.people(), 30)
  })
})

describe('after a rotation of the digest key', () => {
  const nik = '3171014502900777'

  /** Two people are known; of one KKI then sends another NIK and name, and a person decides that it is the same one. */
  async function withDecision(t: TestContext) {
    const connector = await start(t)
    const { simulator, call, run, find, pool } = connector
    const [siti, budi] = (await load(connector, 2)) as [KkiRecord, KkiRecord]
    const married = { ...siti, nik, nama: 'Siti Rekaan Baru', diubah_pada: ago(100) }
    await inject(simulator, [{ id: 'known-0', record: married }])
    await run(full)
    const { rows } = await pool.query("select id from kki.rejection where code = 'IDENTITY_CONFLICT'")
    const [person] = await find(siti.nik)
    const resolved = await resolve({ call }, rows[0].id, { healthWorkerId: person?.id })
    assert.ok(resolved.status < 300, JSON.stringify(resolved.body))
    await until('the decision is carried out', async () => (await find(nik)).length === 1)
    return { ...connector, siti, budi, married, personId: person?.id }
  }

  test('people are found by NIK, a NIK of another person is denied, and no digest of the former key is left', async t => {
    const { secrets, rotate, find, call, pool, siti, budi, personId } = await withDecision(t)
    const former = createIdentity((await secrets.read('nik-keys')) ?? {})
    const replaced = await rotate()
    assert.deepEqual(replaced?.lost, {})
    const old = [siti.nik, budi.nik, nik].map(text => former.digestNik(text as string))
    await assertNothingLeft({ pool }, [...old, former.fingerprint])
    assert.equal((await find(nik))[0]?.id, personId)
    const [other] = await find(budi.nik)
    const taken = await call(
      'PATCH',
      `/v1/health-workers/${other?.id}`,
      { nik, reason: 'A test' },
      { 'if-match': `"${other?.version}"` }
    )
    assert.deepEqual([taken.status, (taken.body as Refused).code], [409, 'NIK_TAKEN'])
  })

  test('an earlier decision still applies', async t => {
    const { simulator, rotate, run, married } = await withDecision(t)
    await rotate()
    const changed = { ...married, institusi_pendidikan: 'Universitas Rekaan', diubah_pada: ago(50) }
    await inject(simulator, [{ id: 'known-0', record: changed }])
    const { batches } = await run(full)
    assert.deepEqual([sum(batches, 'created'), sum(batches, 'updated'), sum(batches, 'rejected')], [0, 1, 0])
  })

  test('an undo of an earlier batch restores a NIK that can be found', async t => {
    const { rotate, call, find, pool, siti, personId } = await withDecision(t)
    await rotate()
    const { rows } = await pool.query("select id from kki.batch where kind = 'decision'")
    const undone = await call('POST', `/v1/batches/${rows[0].id}/undo`, { reason: 'A test' })
    assert.equal(undone.status, 200, JSON.stringify(undone.body))
    assert.equal((await find(siti.nik))[0]?.id, personId)
    assert.deepEqual(await find(nik), [])
  })

  test('a rejected row has the same candidate, and a decision about it is carried out', async t => {
    const connector = await start(t)
    const { simulator, call, run, rotate, find } = connector
    const [siti] = (await load(connector, 1)) as [KkiRecord]
    // Under the NIK of a known person, and with another name: a conflict.
    const other = kkiRecord({
      nik: siti.nik,
      nama: 'Nama Lain Sekali',
      tanggal_lahir: '1971-02-03',
      diubah_pada: ago(90)
    })
    await inject(simulator, [{ record: other }])
    await run(full)
    await rotate()
    const { items } = (await call('GET', '/v1/rejections?state=open')).body as { items: { id: number }[] }
    const detail = (await call('GET', `/v1/rejections/${items[0]?.id}`)).body as {
      rows: { comparisons: { healthWorkerId: number; agreed: string[] }[] }[]
    }
    const [person] = await find(siti.nik)
    assert.deepEqual(
      detail.rows[0]?.comparisons.map(({ healthWorkerId, agreed }) => [healthWorkerId, agreed.includes('nik')]),
      [[person?.id, true]]
    )
    await resolve({ call }, items[0]?.id as number, { healthWorkerId: person?.id })
    await until('the decision is carried out', async () => (await find(siti.nik))[0]?.registrations.length === 2)
  })

  test('a rejected row without an STR stays dismissed, or stays pending once', async t => {
    const connector = await start(t)
    const { simulator, call, run, rotate, pool } = connector
    await inject(simulator, [
      { record: kkiRecord({ nomor_str: '-', nama: 'Tanpa Nomor', diubah_pada: ago(90) }) },
      { record: kkiRecord({ nomor_str: '-', nama: 'Juga Tanpa Nomor', diubah_pada: ago(90) }) }
    ])
    await run(full)
    const read = async () =>
      (
        await pool.query<{ id: number; state: string; seen: number }>(
          'select id, state, seen_count as seen from kki.rejection order by id'
        )
      ).rows
    const [first, second] = await read()
    await call('POST', `/v1/rejections/${first?.id}/dismiss`, { reason: 'A test' })
    assert.deepEqual((await rotate())?.lost, {})
    await run(full)
    assert.deepEqual(await read(), [
      { id: first?.id, state: 'dismissed', seen: 1 },
      { id: second?.id, state: 'open', seen: 2 }
    ])
  })

  test('the command counts digests whose row was purged, and these match nothing', async t => {
    const connector = await start(t)
    const { simulator, run, pool, secrets, command, stop } = connector
    await load(connector, 3)
    await inject(simulator, [{ id: 'denied', record: kkiRecord({ nomor_str: '-', diubah_pada: ago(100) }) }])
    await run(full)
    await pool.query(`insert into kki.decision (str_number, nik_digest, decided_by) values ('EQ1', $1, 'test')`, [
      randomBytes(32)
    ])
    await pool.query('update kki.rejection_occurrence set raw_sealed = null')
    await pool.query('select kki.drop_staging(id) from kki.batch')
    const { rows } = await pool.query<{ digest: string }>(
      `select encode(nik_digest, 'hex') as digest from sdmk.health_worker
      union all select encode(nik_digest, 'hex') from kki.decision
      union all select encode(content_digest, 'hex') from kki.rejection_occurrence
      union all select encode(fingerprint, 'hex') from sdmk.digest_key`
    )
    const old = rows.map(({ digest }) => digest)
    assert.equal(old.length, 6)
    await stop()
    const { code, stdout, stderr } = await command()
    assert.equal(code, 0, stderr)
    const { replaced } = JSON.parse(stdout) as DigestRotation
    assert.deepEqual(replaced?.lost, { 'kki.decision': 1, 'kki.rejection': 1, 'kki.rejection_occurrence': 1 })
    assert.deepEqual(await searchDatabase(pool, old), [])
    const { rows: kept } = await pool.query('select nik_digest from kki.decision where nik_digest is not null')
    assert.equal(kept.length, 1)
    const secret = (await secrets.read('nik-keys')) ?? {}
    assert.deepEqual(Object.keys(secret).sort(), ['auditKey1', 'auditKeyId', 'digestKey', 'sealKey1', 'sealKeyId'])
    assert.ok(!JSON.stringify(rows).includes(createIdentity(secret).fingerprint.toString('hex')))
  })

  test('no version changes, so nothing is sent to Odoo', async t => {
    const connector = await start(t)
    await load(connector, 3)
    const read = async () =>
      (await connector.pool.query('select id, version, updated_at from sdmk.health_worker order by id')).rows
    const before = await read()
    await connector.rotate()
    assert.deepEqual(await read(), before)
  })
})

describe('a registry with another digest key', () => {
  test('is denied at the start and by the rotation, with the exit code of a wrong setting', async t => {
    const connector = await start(t)
    const { secrets, asService, command, stop, restart } = connector
    const [record] = await load(connector, 1)
    await stop()
    const own = (await secrets.read('nik-keys')) ?? {}
    await secrets.write('nik-keys', { ...own, digestKey: randomBytes(32).toString('base64') })
    for (const result of [await runSdmk(['serve'], asService), await command()]) {
      assert.equal(result.code, 78, result.stderr)
      assert.match(result.stderr, /^sdmk: the secret "nik-keys" has a digest key other than that of this registry/m)
    }
    assert.equal((await readDigestKeys(secrets)).next, null)
    await secrets.write('nik-keys', own)
    await restart({})
    assert.equal((await connector.find(record?.nik)).length, 1)
  })
})
