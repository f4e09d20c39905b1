import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { buildApp } from '../../sidecar/app.ts'
import { loadConfig } from '../../sidecar/config.ts'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { serviceRole, serviceUrlOf } from '../../sidecar/platform/embedded-database.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { startCluster } from '../../tools/ha/cluster.ts'
import { temporaryFolder, waitForRun } from '../e2e/helpers.ts'
import { noSchedule, until } from '../e2e/process.ts'
import { injectPatiently } from '../helpers/patiently.ts'
import { silent } from '../helpers/server.ts'

test('searches, lists and exports come from a standby, and from the primary if it is behind or away', {
  timeout: 900_000
}, async t => {
  const cluster = await startCluster(path.join(tmpdir(), `sdmk-ha-${randomBytes(4).toString('hex')}`))
  const closers: (() => Promise<unknown>)[] = [() => cluster.close()]
  t.after(async () => {
    for (const close of closers.reverse()) await close()
  })
  await migrate({ databaseUrl: cluster.url, grantTo: serviceRole, logger: silent })
  const simulator = await startSimulator({ rows: 300, seed: 5 })
  closers.push(() => simulator.close())
  const directory = await temporaryFolder(t)
  const secrets = createFileSecretStore(directory)
  await initIdentity(secrets)
  await secrets.write('kki', simulator.secret)
  const config = loadConfig({
    SDMK_DATABASE_URL: serviceUrlOf(cluster.url),
    SDMK_DATABASE_READ_URL: serviceUrlOf(cluster.readUrl),
    SDMK_DATABASE_READ_AGE: '5',
    SDMK_SECRETS_DIR: directory,
    KKI_BASE_URL: simulator.url,
    KKI_SETTLE: '0',
    KKI_SCHEDULE: noSchedule
  })
  const app = await buildApp(config, { logger: silent })
  closers.push(() => app.close())
  const { key } = await ownersKey(cluster.url)

  /** Returns the answer; `age` is null if it came from the primary. */
  const ask = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const answer = await injectPatiently(app, {
      method,
      url,
      headers: { authorization: `Bearer ${key}` },
      ...(payload && { payload })
    })
    const age = answer.headers['sdmk-data-age']
    return { status: answer.statusCode, body: answer.json(), age: age === undefined ? null : Number(age) }
  }
  const started = await ask('POST', '/v1/runs', { mode: 'full' })
  const run = await waitForRun(id => ask('GET', `/v1/runs/${id}`), started.body.id)
  const batchId = run.batches[0]?.id
  const reads = [
    () => ask('POST', '/v1/health-workers/search', { name: 'siti' }),
    () => ask('GET', '/v1/registrations/not-listed'),
    () => ask('GET', '/v1/rejections?limit=5'),
    () => ask('POST', `/v1/batches/${batchId}/changes/export`, {})
  ]

  await until('the standby has the run', async () => (await reads[3]?.())?.age !== null)
  for (const read of reads) {
    const { status, age, body } = await read()
    assert.equal(status, 200, JSON.stringify(body))
    assert.ok(age !== null && age <= 5, `age ${age}`)
  }
  const fromStandby = await Promise.all(reads.map(read => read()))
  assert.ok(fromStandby[3]?.body.items.length > 0)
  assert.equal((await ask('GET', '/v1/runs')).age, null, 'the state of runs always comes from the primary')
  const first = fromStandby[2]?.body.items[0].id
  assert.equal((await ask('GET', `/v1/rejections/${first}`)).age, null, 'so does what a decision is made on')

  await t.test('data that is too old is not shown', async () => {
    // Patroni would end a pause of the replay at once.
    const signalReplay = async (signal: NodeJS.Signals) => {
      for (const url of standbys) {
        const client = new pg.Client({ connectionString: url })
        await client.connect()
        const { rows } = await client.query<{ pid: number }>(
          `select pid from pg_stat_activity where backend_type = 'startup'`
        )
        await client.end()
        for (const { pid } of rows) process.kill(pid, signal)
      }
    }
    const primary = await cluster.primary()
    const standbys = (await cluster.members())
      .filter(({ name }) => name !== primary)
      .map(({ name }) => cluster.urlOf(name))
    await signalReplay('SIGSTOP')
    const { body } = await ask('POST', `/v1/rejections/${first}/dismiss`, { reason: 'entered by mistake' })
    assert.equal(body.state, 'dismissed')
    await until('the data of the standby is too old', async () => (await reads[2]?.())?.age === null)
    const open = (await ask('GET', '/v1/rejections?state=open&limit=200')).body.items as { id: number }[]
    assert.ok(!open.some(({ id }) => id === first))
    await signalReplay('SIGCONT')
    await until('the standby has caught up', async () => (await reads[2]?.())?.age !== null)
  })

  await t.test('without a standby everything still answers', async () => {
    // The synchronous one last: Patroni 3.0 may make the other one synchronous in the moment of its death, and commits then wait.
    const rank = { leader: 0, replica: 1, sync_standby: 2 }
    const [, ...standbys] = (await cluster.members()).sort((one, other) => rank[one.role] - rank[other.role])
    for (const { name } of standbys) await cluster.kill(name)
    const answers = await Promise.all(reads.map(read => read()))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200]
    )
    assert.deepEqual(answers[0]?.body, fromStandby[0]?.body, 'with the same people')
    await until('the primary answers', async () => (await reads[0]?.())?.age === null)
  })
})

/** Only the owner creates keys. */
async function ownersKey(url: string) {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  try {
    return await createApiKey(pool, 'test', [...scopes])
  } finally {
    await pool.end()
  }
}
