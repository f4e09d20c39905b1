import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import type { App } from '../../sidecar/app.ts'
import { type DigestRotation, rotateDigestKey } from '../../sidecar/cli/rotate-digest-key.ts'
import { ConfigurationError } from '../../sidecar/errors.ts'
import { createIdentity } from '../../sidecar/identity/keys.ts'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { fillNextDigests } from '../../sidecar/privacy/redigest-fill.ts'
import { addDigestKey, readDigestKeys } from '../../sidecar/privacy/redigest-keys.ts'
import { switchDigestKey } from '../../sidecar/privacy/redigest-switch.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { searchDatabase } from '../helpers/search.ts'
import { silent } from '../helpers/server.ts'
import { type Connector, type ConnectorOptions, inject, kkiRecord, startConnector, waitForRun } from './helpers.ts'
import { runSdmk, until } from './process.ts'

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
  const { pool, secretsDir, call } = connector
  const secrets = createFileSecretStore(secretsDir)
  // A pool of its own, which no request of the test has to wait for.
  const owner = createDatabase({ url: pool.options.connectionString ?? '', maxConnections: 2 }, silent)
  t.after(() => owner.pool.end())
  return {
    ...connector,
    secrets,
    owner,
    rotate: () => rotateDigestKey(secrets, owner),
    find: async (nik: unknown) => {
      const { status, body } = await call('POST', '/v1/health-workers/search-by-nik', { nik, reason: 'A test' })
      assert.equal(status, 200, JSON.stringify(body))
      return (body as Found).items
    },
    people: async () => (await pool.query('select count(*) as count from sdmk.health_worker')).rows[0].count as number
  }
}

/** Loads people whom the registry then knows. */
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

/** Does something once, right before the first statement of a transaction of this sidecar that has this text. */
function before({ database }: App, text: string, during: () => Promise<void>): void {
  const { withTransaction } = database
  let isDone = false
  database.withTransaction = work =>
    withTransaction(async client => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown
      const stopping = (...args: unknown[]) => {
        if (isDone || !String(args[0]).includes(text)) return query(...args)
        isDone = true
        return during().then(() => query(...args))
      }
      Object.assign(client, { query: stopping })
      try {
        return await work(client)
      } finally {
        Reflect.deleteProperty(client, 'query')
      }
    })
}

/** Long enough for a whole rotation that nobody keeps waiting. */
const rotationMs = 1500

describe('a feed that meets a rotation of the digest key creates nobody', () => {
  for (const [what, text] of [
    ['a plan', '-- Rules 2 to 7'],
    ['an apply', '-- What the rows of the batch offer each person']
  ] as const) {
    test(`where the key would be switched in the middle of ${what}: the switch waits`, async t => {
      const connector = await start(t)
      const records = await load(connector, 30)
      // No new licences: the index of NIKs alone would refuse a second person, and have the batch planned again.
      await renew(connector, records, 0)
      let isSwitched = false
      let wasSwitched: boolean | undefined
      let rotating: Promise<DigestRotation> | undefined
      before(connector.app, text, async () => {
        rotating = connector.rotate()
        rotating.finally(() => {
          isSwitched = true
        })
        await wait(rotationMs)
        wasSwitched = isSwitched
      })
      const run = await connector.run(full)
      assertRenewed(run, 30, 0)
      assert.equal(await connector.people(), 30)
      assert.equal(wasSwitched, false)
      assert.ok((await rotating)?.switched)
    })
  }

  test('where the key is switched while pages are on their way: they are fetched again', async t => {
    const connector = await start(t, { env: { KKI_PAGE_SIZE: '5' } })
    const records = await load(connector, 30)
    await renew(connector, records)
    before(connector.app, 'set cursor = ', async () => void (await connector.rotate()))
    assertRenewed(await connector.run(full), 30)
    assert.equal(await connector.people(), 30)
  })

  test('where the key is switched again and again while it is fetched, planned and applied', async t => {
    const connector = await start(t, { env: { KKI_PAGE_SIZE: '50' } })
    const records = await load(connector, 600)
    await renew(connector, records)
    const rotations: DigestRotation[] = []
    let isOver = false
    const rotating = (async () => {
      while (!isOver) rotations.push(await connector.rotate())
    })()
    const run = await connector.run({ mode: 'full' }).finally(() => {
      isOver = true
    })
    await rotating
    assertRenewed(run, 600)
    assert.equal(await connector.people(), 600)
    assert.ok(
      rotations.every(({ switched }) => switched !== null && Object.keys(switched.lost).length === 0),
      JSON.stringify(rotations)
    )
    const { rows } = await connector.pool.query<{ during: number }>(
      `select count(*) as during from kki.audit_event e
      where action = 'keys.digest_rotated' and exists (
        select from kki.batch b where b.kind = 'full' and e.at > b.fetch_started_at and e.at < b.finished_at
      )`
    )
    assert.ok((rows[0]?.during ?? 0) > 0, 'a switch fell into the run')
    const again = await connector.run({ mode: 'full' })
    assert.equal(sum(again.batches, 'unchanged'), sum(again.batches, 'fetched'))
    assert.equal(sum(again.batches, 'fetched'), 600 + mostNew)
  })

  test('where its pages were staged before the switch and are planned after it', async t => {
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
    const { switched } = await connector.rotate()
    assert.ok(switched !== null && switched.digests >= 140, JSON.stringify(switched))
    await connector.addReplica({ SDMK_ROLES: 'registry' })
    assertRenewed(await waitForRun(readRun(connector), id), 60)
    assert.equal(await connector.people(), 60)
  })

  test('where it was planned and looked at before the switch: it applies with the digest of its plan', async t => {
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

  test('where a service has not the new key yet: it waits for it, answers so, and goes on', async t => {
    const connector = await start(t)
    const { secrets, call, find } = connector
    const records = await load(connector, 20)
    await renew(connector, records)
    const former = (await secrets.read('nik-keys')) ?? {}
    await connector.rotate()
    const rotated = (await secrets.read('nik-keys')) ?? {}
    // A copy of the secrets that was not renewed.
    await secrets.write('nik-keys', former)
    const refused = await call('POST', '/v1/health-workers/search-by-nik', { nik: records[0]?.nik, reason: 'A test' })
    assert.deepEqual([refused.status, (refused.body as Refused).code], [503, 'DIGEST_KEY_UNKNOWN'])
    const edited = await call(
      'PATCH',
      '/v1/health-workers/1',
      { nik: records[1]?.nik, reason: 'A test' },
      { 'if-match': '"1"' }
    )
    assert.deepEqual([edited.status, (edited.body as Refused).code], [503, 'DIGEST_KEY_UNKNOWN'])
    const id = await order(connector, full)
    await until('the job of the batch has been tried', async () => {
      const { rows } = await connector.pool.query(
        `select from pgboss.job where name = 'kki-fetch' and retry_count > 0 limit 1`
      )
      return rows.length === 1
    })
    assert.equal(await connector.people(), 20)
    await secrets.write('nik-keys', rotated)
    assertRenewed(await waitForRun(readRun(connector), id), 20)
    assert.equal((await find(records[0]?.nik))[0]?.registrations.length, 2)
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
    const resolved = await call('POST', `/v1/rejections/${rows[0].id}/resolve`, { healthWorkerId: person?.id })
    assert.ok(resolved.status < 300, JSON.stringify(resolved.body))
    await until('the decision is carried out', async () => (await find(nik)).length === 1)
    return { ...connector, siti, budi, married, personId: person?.id }
  }

  test('people are found by NIK, a NIK that is taken is refused, and no digest of the former key is left', async t => {
    const { secrets, rotate, find, call, pool, siti, budi, personId } = await withDecision(t)
    const former = createIdentity((await secrets.read('nik-keys')) ?? {})
    const { switched } = await rotate()
    assert.deepEqual(switched?.lost, {})
    const old = [siti.nik, budi.nik, nik].map(text => former.digestNik(text as string))
    const traces = [...old, former.fingerprint].map(bytes => bytes.toString('hex'))
    assert.deepEqual(await searchDatabase(pool, traces), [])
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

  test('a decision that was made before still rules', async t => {
    const { simulator, rotate, run, married } = await withDecision(t)
    await rotate()
    const changed = { ...married, institusi_pendidikan: 'Universitas Rekaan', diubah_pada: ago(50) }
    await inject(simulator, [{ id: 'known-0', record: changed }])
    const { batches } = await run(full)
    assert.deepEqual([sum(batches, 'created'), sum(batches, 'updated'), sum(batches, 'rejected')], [0, 1, 0])
  })

  test('a batch that was applied before is undone to a NIK that is found', async t => {
    const { rotate, call, find, pool, siti, personId } = await withDecision(t)
    await rotate()
    const { rows } = await pool.query("select id from kki.batch where kind = 'decision'")
    const undone = await call('POST', `/v1/batches/${rows[0].id}/undo`, { reason: 'A test' })
    assert.equal(undone.status, 200, JSON.stringify(undone.body))
    assert.equal((await find(siti.nik))[0]?.id, personId)
    assert.deepEqual(await find(nik), [])
  })

  test('a refused row names the same person, and what is decided about it is carried out', async t => {
    const connector = await start(t)
    const { simulator, call, run, rotate, find } = connector
    const [siti] = (await load(connector, 1)) as [KkiRecord]
    // Under the NIK of somebody known, and with another name: a conflict.
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
    await call('POST', `/v1/rejections/${items[0]?.id}/resolve`, { healthWorkerId: person?.id })
    await until('the decision is carried out', async () => (await find(siti.nik))[0]?.registrations.length === 2)
  })

  test('a refused row without an STR stays dismissed, or waits once', async t => {
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
    const { switched } = await rotate()
    assert.deepEqual(switched?.lost, {})
    await run(full)
    assert.deepEqual(await read(), [
      { id: first?.id, state: 'dismissed', seen: 1 },
      { id: second?.id, state: 'open', seen: 2 }
    ])
  })

  test('what nothing is kept of any more is told by the command, and matches nothing', async t => {
    const connector = await start(t)
    const { simulator, run, pool, secrets, secretsDir } = connector
    await load(connector, 3)
    await inject(simulator, [{ id: 'refused', record: kkiRecord({ nomor_str: '-', diubah_pada: ago(100) }) }])
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
    const { code, stdout, stderr } = await runSdmk(['keys', 'rotate', '--digest', '--json'], {
      SDMK_DATABASE_URL: pool.options.connectionString ?? '',
      SDMK_SECRETS_DIR: secretsDir
    })
    assert.equal(code, 0, stderr)
    const { switched } = JSON.parse(stdout) as DigestRotation
    assert.deepEqual(switched?.lost, { 'kki.decision': 1, 'kki.rejection': 1, 'kki.rejection_occurrence': 1 })
    assert.deepEqual(await searchDatabase(pool, old), [])
    const { rows: kept } = await pool.query('select nik_digest from kki.decision where nik_digest is not null')
    assert.equal(kept.length, 1)
    const secret = (await secrets.read('nik-keys')) ?? {}
    assert.deepEqual(Object.keys(secret).sort(), ['auditKey1', 'auditKeyId', 'digestKey', 'sealKey1', 'sealKeyId'])
    assert.ok(!JSON.stringify(rows).includes(createIdentity(secret).fingerprint.toString('hex')))
  })

  test('no version moves, so that Odoo is told of nobody', async t => {
    const connector = await start(t)
    await load(connector, 3)
    const read = async () =>
      (await connector.pool.query('select id, version, updated_at from sdmk.health_worker order by id')).rows
    const before = await read()
    await connector.rotate()
    assert.deepEqual(await read(), before)
  })
})

describe('a rotation of the digest key that is broken off goes on when it is called again', () => {
  const breaks: [string, (connector: Awaited<ReturnType<typeof start>>) => Promise<void>, boolean][] = [
    ['after the key was added', async ({ secrets }) => void (await addDigestKey(secrets)), true],
    [
      'in the middle of filling',
      async ({ secrets, owner }) => {
        const keys = await addDigestKey(secrets)
        await fillNextDigests(owner, keys)
        await owner.pool.query('delete from sdmk.next_digest where get_byte(digest, 0) < 128')
      },
      true
    ],
    [
      'after it was filled for a key that is gone',
      async ({ secrets, owner }) => {
        const { digestKeyNext: _, ...former } = (await secrets.read('nik-keys')) ?? {}
        await fillNextDigests(owner, await addDigestKey(secrets))
        await secrets.write('nik-keys', former)
      },
      true
    ],
    [
      'after the switch',
      async ({ secrets, owner }) => {
        const keys = await addDigestKey(secrets)
        await fillNextDigests(owner, keys)
        await switchDigestKey(owner, keys, { andThen: async () => undefined })
      },
      false
    ]
  ]
  for (const [when, breakOff, isBeforeSwitch] of breaks) {
    test(when, async t => {
      const connector = await start(t)
      const records = await load(connector, 10)
      const first = (await readDigestKeys(connector.secrets)).present.fingerprint
      await breakOff(connector)
      assert.equal((await connector.find(records[0]?.nik)).length, 1, 'the service works in between')
      await renew(connector, records)
      assertRenewed(await connector.run(full), 10)
      const { switched } = await connector.rotate()
      assert.equal(switched !== null, isBeforeSwitch)
      const { present, next } = await readDigestKeys(connector.secrets)
      assert.equal(next, null)
      assert.notDeepEqual(present.fingerprint, first)
      assert.equal((await connector.find(records[0]?.nik)).length, 1)
      const { rows } = await connector.pool.query(
        'select fingerprint, next_fingerprint, (select count(*) from sdmk.next_digest) as filled from sdmk.digest_key'
      )
      assert.deepEqual(rows, [{ fingerprint: present.fingerprint, next_fingerprint: null, filled: 0 }])
      await connector.restart({})
      assert.equal((await connector.find(records[9]?.nik)).length, 1)
    })
  }
})

describe('a registry that was made with another digest key', () => {
  const isRefused = (error: unknown) =>
    error instanceof ConfigurationError &&
    /^SDMK_SECRETS_DIR: the secret "nik-keys" holds other digest keys/.test(error.message)

  test('is refused at the start, also one that is older than its fingerprint', async t => {
    const connector = await start(t)
    const { secrets, pool, restart } = connector
    const [record] = await load(connector, 1)
    const own = (await secrets.read('nik-keys')) ?? {}
    await secrets.write('nik-keys', { ...own, digestKey: randomBytes(32).toString('base64') })
    await assert.rejects(restart({}), isRefused)
    await pool.query('delete from sdmk.digest_key')
    await assert.rejects(restart({}), isRefused)
    await secrets.write('nik-keys', own)
    await restart({})
    assert.equal((await connector.find(record?.nik)).length, 1)
  })

  test('is not rotated', async t => {
    const connector = await start(t)
    await load(connector, 1)
    const own = (await connector.secrets.read('nik-keys')) ?? {}
    await connector.secrets.write('nik-keys', { ...own, digestKey: randomBytes(32).toString('base64') })
    const { code, stderr } = await runSdmk(['keys', 'rotate', '--digest'], {
      SDMK_DATABASE_URL: connector.pool.options.connectionString ?? '',
      SDMK_SECRETS_DIR: connector.secretsDir
    })
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^sdmk: the secret "nik-keys" holds other digest keys than the one this registry was made with/
    )
  })
})
