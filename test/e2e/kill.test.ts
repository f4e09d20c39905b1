import assert from 'node:assert/strict'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { fetchPatiently } from '../helpers/patiently.ts'
import { dumpRegistry, fault, temporaryFolder } from './helpers.ts'
import { connectEmbedded, runSdmk, serve, until } from './process.ts'

/** A bound against hanging, from the start of the second process to the end of the run. */
const resumeLimitMs = 300_000
const rows = 4000

interface Scene {
  database: pg.Client
  env: Record<string, string>
  simulator: Awaited<ReturnType<typeof startSimulator>>
  startRun(url: string): Promise<void>
}

/** A sidecar with its embedded database, whose keys are those of every other scene: equal NIKs have equal digests. */
async function setScene(
  t: TestContext,
  keys: Record<string, string>
): Promise<Scene & { url: string; kill: () => Promise<void> }> {
  const simulator = await startSimulator({ rows, seed: 7 })
  t.after(() => simulator.close())
  const dataDir = await temporaryFolder(t)
  const secrets = createFileSecretStore(path.join(dataDir, 'secrets'))
  await secrets.write('nik-keys', keys)
  await secrets.write('kki', { clientId: simulator.clientId, clientSecret: simulator.clientSecret })
  const env = { SDMK_DATA_DIR: dataDir, KKI_BASE_URL: simulator.url, KKI_PAGE_SIZE: '100', KKI_RETRY_BASE: '20' }
  // Stops the embedded server, which outlives a killed sidecar on purpose.
  t.after(() => runSdmk(['migrate'], { SDMK_DATA_DIR: dataDir }))
  const service = await serve(t, env)
  const database = await connectEmbedded(t, dataDir)
  const key = await createKey(database)
  return {
    simulator,
    env,
    database,
    url: service.url,
    kill: async () => void (await service.kill('SIGKILL')),
    async startRun(url) {
      const response = await fetchPatiently(`${url}/v1/runs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ mode: 'incremental' })
      })
      assert.equal(response.status, 202, await response.text())
    }
  }
}

function addressOf({ user, password, host, port, database }: pg.Client): pg.ClientConfig {
  return { user, password, host, port, database } as pg.ClientConfig
}

/** Makes an API key straight in the database: `sdmk keys` would stop the embedded server at its end. */
async function createKey(client: pg.Client): Promise<string> {
  const pool = new pg.Pool({ ...addressOf(client), max: 1 })
  try {
    return (await createApiKey(pool, 'test', ['runs:write'])).key
  } finally {
    await pool.end()
  }
}

async function keysForAll(t: TestContext): Promise<Record<string, string>> {
  const store = createFileSecretStore(await temporaryFolder(t))
  await initIdentity(store)
  return (await store.read('nik-keys')) as Record<string, string>
}

async function isFinished({ database }: Scene): Promise<boolean> {
  const { rows: found } = await database.query('select finished_at from kki.run')
  return found[0]?.finished_at != null
}

async function undisturbed(t: TestContext, keys: Record<string, string>): Promise<string[]> {
  const scene = await setScene(t, keys)
  await scene.startRun(scene.url)
  await until('the undisturbed run ends', () => isFinished(scene))
  return dumpRegistry(scene.database)
}

const states = async ({ database }: Scene) =>
  (await database.query<{ state: string }>('select state from kki.batch')).rows[0]?.state

/** Waits until some backend waits for a lock on the table: the job is inside its transaction, and stays there. */
const isBlockedOn = async (database: pg.Client, table: string) =>
  (await database.query('select from pg_locks where not granted and relation = $1::regclass', [table])).rows.length > 0

const steps: { step: string; hold: (scene: Scene, t: TestContext) => Promise<() => Promise<void>> }[] = [
  {
    step: 'fetch',
    async hold({ simulator }) {
      await fault(simulator, { kind: 'slow', ms: 60_000, times: 0, afterPages: 15 })
      return async () => {
        await fetch(`${simulator.url}/_faults`, { method: 'DELETE' })
      }
    }
  },
  // Pages are compared with sdmk.registration as they are fetched; new STRs are first looked for by the plan.
  { step: 'plan', hold: scene => holdTable(scene, 'sdmk.str_number') },
  { step: 'apply', hold: scene => holdTable(scene, 'kki.change') }
]

/** Takes a table away, so that the step that needs it waits until it is killed. */
async function holdTable({ database }: Scene, table: string): Promise<() => Promise<void>> {
  const holder = new pg.Client(addressOf(database))
  await holder.connect()
  await holder.query(`begin; lock table ${table} in access exclusive mode`)
  return async () => {
    await holder.query('rollback')
    await holder.end()
  }
}

test('kill -9 during fetch, plan and apply: after a restart the run ends automatically with the same result', async t => {
  const keys = await keysForAll(t)
  const expected = await undisturbed(t, keys)
  assert.ok(expected.length > rows / 2)
  for (const { step, hold } of steps) {
    await t.test(`killed during ${step}`, async t => {
      const scene = await setScene(t, keys)
      const release = await hold(scene, t)
      await scene.startRun(scene.url)
      if (step === 'fetch') {
        await until('pages are staged', async () => {
          const { rows: found } = await scene.database.query('select pages from kki.batch')
          return found[0]?.pages >= 10
        })
        assert.equal(await states(scene), 'fetching')
      } else {
        const table = step === 'plan' ? 'sdmk.str_number' : 'kki.change'
        await until(`${step} waits for its table`, () => isBlockedOn(scene.database, table))
        assert.equal(await states(scene), step === 'plan' ? 'staged' : 'planned')
      }
      await scene.kill()
      await release()
      const started = Date.now()
      const second = await serve(t, scene.env)
      await until('the run ends', () => isFinished(scene), resumeLimitMs)
      t.diagnostic(`resumed and ended ${Date.now() - started} ms after the start`)
      assert.deepEqual(await dumpRegistry(scene.database), expected)
      // Afterwards a batch of another run may plan rejected rows again.
      const { rows: ledger } = await scene.database.query(
        `select state, fetched::int from kki.batch where kind <> 'retry'`
      )
      assert.deepEqual(ledger, [{ state: 'applied', fetched: rows }])
      assert.equal(await second.kill('SIGTERM'), 0, 'an orderly stop ends with 0')
    })
  }
})
