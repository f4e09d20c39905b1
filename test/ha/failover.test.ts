import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { addAudit, difference, takeSnapshot } from '../../chaos/compare.ts'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { serviceRole, serviceUrlOf } from '../../sidecar/platform/embedded-database.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Cluster, startCluster } from '../../tools/ha/cluster.ts'
import { fault, temporaryFolder } from '../e2e/helpers.ts'
import { type Service, serve, until } from '../e2e/process.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { patiently } from '../helpers/patiently.ts'
import { silent } from '../helpers/server.ts'
import { Observer } from './observer.ts'

/** Enough that a slowed run outlasts all faults. */
const rows = 6000
const slowMs = 3000
const zombieMs = 40_000
const limitMs = 900_000
/** Rows that are rejected for themselves, so that a decision about them changes nothing else. */
const decidedCode = 'DATE_INVALID'
/** Before KKI's first row: such a run has no rows. */
const order = { mode: 'window', changedSince: '2001-01-01T00:00:00Z', changedUntil: '2001-01-02T00:00:00Z' }
const orders = ['kill', 'zombie', 'switchover'] as const

/** A service on a database, with the keys that both have, and KKI. */
interface Scene {
  service: Service
  pool: pg.Pool
  secretsDir: string
  /** Repeats a request that was not done: 503, 429, or a broken connection. */
  call(method: string, address: string, body?: object, headers?: Record<string, string>): Promise<Answer>
}

interface Answer {
  status: number
  body: unknown
}

async function setScene(t: TestContext, ownerUrl: string, keys: Record<string, string>, simulator: Simulator) {
  const secretsDir = await temporaryFolder(t)
  const secrets = createFileSecretStore(secretsDir)
  await secrets.write('nik-keys', keys)
  await secrets.write('kki', simulator.secret)
  const { pool } = createDatabase({ url: ownerUrl, maxConnections: 3, applicationName: 'sdmk test owner' }, silent)
  t.after(() => pool.end())
  const { key } = await createApiKey(pool, 'test', [...scopes])
  const service = await serve(t, {
    SDMK_DATABASE_URL: serviceUrlOf(ownerUrl),
    SDMK_SECRETS_DIR: secretsDir,
    SDMK_BATCH_ROWS: '1000',
    SDMK_RATE_LIMIT: '100000',
    KKI_BASE_URL: simulator.url,
    KKI_PAGE_SIZE: '100',
    KKI_SETTLE: '0'
  })
  const call: Scene['call'] = async (method, address, body, headers = {}) => {
    const response = await patiently(
      () =>
        fetch(service.url + address, {
          method,
          headers: {
            authorization: `Bearer ${key}`,
            ...(body && { 'content-type': 'application/json' }),
            ...headers
          },
          signal: AbortSignal.timeout(60_000),
          ...(body && { body: JSON.stringify(body) })
        }),
      ({ status, headers: found }) => ({ status, retryAfter: found.get('retry-after') })
    )
    return { status: response.status, body: await response.json() }
  }
  return { service, pool, secretsDir, key, call }
}

async function startRun({ call }: Scene): Promise<number> {
  const { status, body } = await call('POST', '/v1/runs', { mode: 'full' })
  assert.equal(status, 202, JSON.stringify(body))
  return (body as RunBody).id
}

/** Places an order under a key, which makes a repetition harmless; resolves to its run, which has ended. */
async function placeOrder(scene: Scene, key: string): Promise<number> {
  const { status, body } = await scene.call('POST', '/v1/runs', order, { 'idempotency-key': key })
  assert.equal(status, 202, JSON.stringify(body))
  const { id } = body as RunBody
  await ended(scene, id)
  return id
}

async function ended({ call }: Scene, id: number): Promise<RunBody> {
  let run: RunBody | undefined
  await until(
    `run ${id} ends`,
    async () => {
      run = (await call('GET', `/v1/runs/${id}`)).body as RunBody
      return run.finishedAt !== null
    },
    300_000
  )
  assert.ok(run)
  return run
}

async function isQuiet({ pool }: Scene): Promise<boolean> {
  const { rows: found } = await pool.query<{ quiet: boolean }>(
    `select not exists (select from pgboss.job where state < 'completed' and name in ('kki-fetch', 'kki-apply', 'reprocess'))
      and not exists (select from kki.run where finished_at is null)
      and not exists (select from kki.audit_unchained) as quiet`
  )
  return found[0]?.quiet === true
}

/** Dismisses the rejected rows of one kind, one after the other, until none is left and `isOver` says so. */
async function decide({ call }: Scene, isOver: () => boolean): Promise<Set<number>> {
  const acknowledged = new Set<number>()
  for (;;) {
    const last = isOver()
    const { status, body } = await call('GET', `/v1/rejections?state=open&code=${decidedCode}&limit=20`)
    assert.equal(status, 200, JSON.stringify(body))
    const { items } = body as { items: { id: number }[] }
    for (const { id } of items) {
      const answer = await call('POST', `/v1/rejections/${id}/dismiss`, { reason: 'entered by mistake' })
      // After an outage the first attempt may have been carried out without an answer.
      assert.ok([200, 409].includes(answer.status), JSON.stringify(answer.body))
      if (answer.status === 200) acknowledged.add(id)
      if (!last) await wait(250)
    }
    if (last && items.length === 0) return acknowledged
    if (!last) await wait(250)
  }
}

/** Everything that the disturbed run does as well, on a server that nobody disturbs. */
async function undisturbed(t: TestContext, keys: Record<string, string>, simulator: Simulator) {
  const { ownerUrl } = await createTestDatabase(t)
  const scene = await setScene(t, ownerUrl, keys, simulator)
  await ended(scene, await startRun(scene))
  for (const key of orders) await placeOrder(scene, key)
  await decide(scene, () => true)
  await until('the undisturbed service has nothing to do', () => isQuiet(scene), 300_000)
  const snapshot = await takeSnapshot(scene.pool)
  await scene.service.kill('SIGTERM')
  return snapshot
}

/** Starts a cluster with the database of a service; ended with the test. */
async function openCluster(t: TestContext): Promise<Cluster> {
  const folder = path.join(tmpdir(), `sdmk-ha-${randomBytes(4).toString('hex')}`)
  const cluster = await startCluster(folder)
  t.after(() => cluster.close())
  await migrate({ databaseUrl: cluster.url, grantTo: serviceRole, logger: silent })
  return cluster
}

/** A client of a node that is connected before the node stops, and writes while it does not run. */
async function writerOf(url: string) {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('create table public.written_by_zombie (at timestamptz)')
  return {
    /** Resolves to the error; null if the server has confirmed it. */
    write: () =>
      client.query('insert into public.written_by_zombie values (now())').then(
        () => null,
        error => error as Error
      ),
    end: () => client.end().catch(() => undefined)
  }
}

test('a killed primary, a paused one and a switchover lose nothing, and the service needs no restart', {
  timeout: limitMs
}, async t => {
  const simulator = await startSimulator({ rows, seed: 21, brokenShare: 0.04 })
  t.after(() => simulator.close())
  const store = createFileSecretStore(await temporaryFolder(t))
  await initIdentity(store)
  const keys = (await store.read('nik-keys')) as Record<string, string>
  const [cluster, expected] = await Promise.all([openCluster(t), undisturbed(t, keys, simulator)])

  await fault(simulator, { kind: 'slow', ms: slowMs, times: 0, on: 'list' })
  const scene = await setScene(t, cluster.url, keys, simulator)
  const observer = new Observer(scene.service.url, scene.key)
  t.after(() => observer.stop())
  const runId = await startRun(scene)
  const runOf = async () => (await scene.call('GET', `/v1/runs/${runId}`)).body as RunBody
  const state = { isOver: false }
  const decisions = decide(scene, () => state.isOver)
  // Its failure is reported where it is awaited.
  decisions.catch(() => undefined)
  await until('a batch is applied', async () => (await runOf()).batches.some(batch => batch.state === 'applied'))

  /** Injects a fault into the run, and orders something meanwhile. */
  const underFault = async (name: (typeof orders)[number], strike: () => Promise<void>) => {
    const { finishedAt, batches } = await runOf()
    assert.equal(finishedAt, null, `the run ended before the fault ${name}`)
    const applied = batches.filter(batch => batch.state === 'applied')
    const since = observer.mark()
    const [orderId] = await Promise.all([placeOrder(scene, name), strike()])
    await observer.untilReady()
    t.diagnostic(`${name}: ${observer.describe(since)}`)
    return { orderId, applied }
  }
  const acknowledged: { orderId: number; applied: BatchBody[] }[] = []

  let victim = await cluster.primary()
  acknowledged.push(
    await underFault('kill', async () => {
      await cluster.kill(victim)
      await cluster.replaced(victim)
    })
  )
  assert.ok(observer.outages > 0, 'requests during the outage are answered 503')
  await cluster.start(victim)
  await cluster.settled()

  victim = await cluster.primary()
  const writer = await writerOf(cluster.urlOf(victim))
  t.after(() => writer.end())
  acknowledged.push(
    await underFault('zombie', async () => {
      await cluster.pause(victim)
      // It is waiting in the socket when the server wakes.
      const written = writer.write()
      await Promise.all([cluster.replaced(victim), wait(zombieMs)])
      await cluster.resume(victim)
      assert.notEqual(await written, null, 'a primary that was replaced must confirm no write')
    })
  )
  await cluster.settled()
  for (const url of [cluster.url, cluster.urlOf(victim)]) assert.equal(await countWritten(url), 0)

  acknowledged.push(await underFault('switchover', async () => void (await cluster.switchover())))
  simulator.clearFaults()

  const run = await ended(scene, runId)
  assert.equal(run.state, 'applied')
  state.isOver = true
  const decided = await decisions
  await until('the service has nothing to do', () => isQuiet(scene), 300_000)

  assert.equal(
    scene.service.child.exitCode ?? scene.service.child.signalCode,
    null,
    'the process is still the first one'
  )
  assert.deepEqual(observer.faults, [], 'each answer is 200, or 503 with Retry-After')
  for (const { applied, orderId } of acknowledged) {
    for (const { id, finishedAt } of applied) {
      const now = run.batches.find(batch => batch.id === id)
      assert.deepEqual([now?.state, now?.finishedAt], ['applied', finishedAt], `batch ${id}, which was confirmed`)
    }
    assert.equal((await scene.call('GET', `/v1/runs/${orderId}`)).status, 200, `run ${orderId}, which was confirmed`)
  }
  assert.ok(decided.size > 0)
  await assertDecidedOnce(scene.pool, decided)

  const found = difference(expected, await takeSnapshot(scene.pool))
  await addAudit(found, scene.pool, scene.secretsDir)
  assert.deepEqual(found, { lost: 0, duplicated: 0, examples: [] })
})

async function countWritten(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const { rows: found } = await client.query<{ count: number }>(
      'select count(*)::int as count from public.written_by_zombie'
    )
    return found[0]?.count ?? Number.NaN
  } finally {
    await client.end()
  }
}

/** Each confirmed decision is stored, and each stored one was made once. */
async function assertDecidedOnce(pool: pg.Pool, decided: ReadonlySet<number>): Promise<void> {
  const { rows: stored } = await pool.query<{ id: number; events: number }>(
    `select r.id, (select count(*)::int from kki.audit_event a
      where a.action = 'rejection.dismissed' and a.detail -> 'rejectionIds' = jsonb_build_array(r.id)) as events
    from kki.rejection r where r.code = $1 and r.state = 'dismissed'`,
    [decidedCode]
  )
  const ids = new Set(stored.map(({ id }) => id))
  assert.deepEqual(
    [...decided].filter(id => !ids.has(id)),
    [],
    'confirmed decisions that are lost'
  )
  assert.deepEqual(
    stored.filter(({ events }) => events !== 1),
    [],
    'decisions with another number of audit events than one'
  )
}
