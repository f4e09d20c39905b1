import assert from 'node:assert/strict'
import { appendFile, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type pg from 'pg'
import { addAudit, contents, countByOrder, difference, takeSnapshot } from '../../chaos/compare.ts'
import { copyProgram } from '../../chaos/sabotage.ts'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { emptyTables } from '../../sidecar/odoo/contracts.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { serviceRole } from '../../sidecar/platform/embedded-database.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { fault, inject, kkiRecord, startConnector, temporaryFolder } from '../e2e/helpers.ts'
import { runFile, runSdmk, serve, until } from '../e2e/process.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { fetchPatiently } from '../helpers/patiently.ts'

/** Enough that a slowed run outlasts all steps of the upgrade. */
const rows = 6000
const slowMs = 3000
const limitMs = 900_000

/** A database of the present version with the settings of its processes, and a key of the API. */
async function setScene(t: TestContext, simulator: Simulator, keys: Record<string, string>) {
  const { url, ownerUrl, pool } = await createTestDatabase(t)
  const secretsDir = await temporaryFolder(t)
  const secrets = createFileSecretStore(secretsDir)
  await secrets.write('nik-keys', keys)
  await secrets.write('kki', simulator.secret)
  const { key } = await createApiKey(pool, 'test', [...scopes])
  const env = {
    SDMK_DATABASE_URL: url,
    SDMK_SECRETS_DIR: secretsDir,
    SDMK_PORT: '0',
    SDMK_BATCH_ROWS: '500',
    SDMK_RATE_LIMIT: '100000',
    KKI_BASE_URL: simulator.url,
    KKI_PAGE_SIZE: '100',
    KKI_SETTLE: '0'
  }
  const call = async (service: string, method: string, address: string, body?: object): Promise<RunBody> => {
    const answer = await fetchPatiently(service + address, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) })
    })
    const told = await answer.json()
    assert.ok(answer.ok, JSON.stringify(told))
    return told as RunBody
  }
  return { env, ownerEnv: { SDMK_DATABASE_URL: ownerUrl }, pool, secretsDir, call }
}

type Scene = Awaited<ReturnType<typeof setScene>>

async function ended({ call }: Scene, service: string, id: number): Promise<RunBody> {
  let run: RunBody | undefined
  await until(
    `run ${id} ends`,
    async () => {
      run = await call(service, 'GET', `/v1/runs/${id}`)
      return run.finishedAt !== null
    },
    300_000
  )
  assert.equal(run?.state, 'applied')
  return run as RunBody
}

async function settled(pool: pg.Pool): Promise<void> {
  await until('the service has nothing to do', async () => {
    const { rows: found } = await pool.query<{ quiet: boolean }>(
      `select not exists (select from pgboss.job where state < 'completed' and name in ('kki-fetch', 'kki-apply'))
        and not exists (select from kki.audit_unchained) as quiet`
    )
    return found[0]?.quiet === true
  })
}

/** Returns how many rows the run fetched, and the rows that are still rejected. */
async function outcomesOf(pool: pg.Pool) {
  const { rows: fetched } = await pool.query(
    `select sum(fetched)::int as rows, count(*)::int as batches, count(*) filter (where state = 'applied')::int as applied
    from kki.batch where kind = 'full'`
  )
  const { rows: rejected } = await pool.query(
    `select subject, code, urgent from kki.rejection where state = 'open' order by subject, code`
  )
  assert.ok(rejected.length >= 40)
  return { fetched, rejected }
}

/** The same load by one version. */
async function loadedByOne(t: TestContext, simulator: Simulator, keys: Record<string, string>) {
  const scene = await setScene(t, simulator, keys)
  const service = await serve(t, scene.env)
  const { id } = await scene.call(service.url, 'POST', '/v1/runs', { mode: 'full' })
  await ended(scene, service.url, id)
  await settled(scene.pool)
  await service.kill('SIGTERM')
  assert.equal(await countByOrder(scene.pool), 0, 'the outcomes of this feed do not depend on the order of batches')
  return { outcomes: await outcomesOf(scene.pool), snapshot: await takeSnapshot(scene.pool) }
}

/** Makes the package of a next version, whose migration only adds; returns its command and its version of the schema. */
async function makeNextVersion(t: TestContext): Promise<{ sdmk: string; version: number }> {
  const folder = await temporaryFolder(t)
  await copyProgram(folder)
  const migrations = path.join(folder, 'sidecar/migrations')
  const files = (await readdir(migrations)).filter(file => file.endsWith('.sql'))
  const version = Math.max(...files.map(file => Number.parseInt(file, 10))) + 1
  await writeFile(
    path.join(migrations, `${String(version).padStart(4, '0')}.do.drill.sql`),
    `alter table sdmk.health_worker add column drill text;
    alter table sdmk.registration add column drill text;
    alter table kki.batch add column drill boolean not null default false;
    create table kki.drill (id bigint generated always as identity primary key);\n`
  )
  await appendFile(path.join(migrations, 'roles/service.sql'), '\ngrant select, insert on kki.drill to :"service";\n')
  return { sdmk: path.join(folder, 'sidecar/cli/sdmk.ts'), version }
}

test('an upgrade of process after process, with a run in progress, loses and doubles nothing', {
  timeout: limitMs
}, async t => {
  const simulator = await startSimulator({ rows, seed: 31, brokenShare: 0 })
  t.after(() => simulator.close())
  // Rejected for themselves: other faults have an outcome that depends on which of two batches is applied first.
  const broken = Array.from({ length: 40 }, () => ({ record: kkiRecord({ tanggal_lahir: '1990-02-31' }) }))
  await inject(simulator, broken)
  const store = createFileSecretStore(await temporaryFolder(t))
  await initIdentity(store)
  const keys = (await store.read('nik-keys')) as Record<string, string>
  const expected = await loadedByOne(t, simulator, keys)
  const next = await makeNextVersion(t)
  const scene = await setScene(t, simulator, keys)
  const { env, ownerEnv, pool, call } = scene

  const first = await serve(t, env)
  const second = await serve(t, env)
  await fault(simulator, { kind: 'slow', ms: slowMs, times: 0, on: 'list' })
  const { id } = await call(first.url, 'POST', '/v1/runs', { mode: 'full' })
  const applied = async () => {
    const { rows: found } = await pool.query<{ applied: number; open: boolean }>(
      `select count(*) filter (where b.state = 'applied')::int as applied, bool_or(r.finished_at is null) as open
      from kki.run r join kki.batch b on b.run_id = r.id where r.id = $1`,
      [id]
    )
    return found[0] ?? { applied: 0, open: true }
  }
  /** A batch of the run is applied from now on, and the run goes on. */
  const goesOn = async () => {
    const before = await applied()
    await until('another batch is applied', async () => (await applied()).applied > before.applied)
    assert.ok((await applied()).open, 'the run ended before the upgrade')
  }
  await goesOn()

  const early = await runFile(next.sdmk, ['serve'], env)
  assert.deepEqual(
    [early.code, early.stderr],
    [
      1,
      `sdmk: The database is at version ${next.version - 1} and this program needs ${next.version}; run "sdmk migrate" first\n`
    ]
  )

  const migrate = ['migrate', '--grant-to', serviceRole]
  const migrated = await runFile(next.sdmk, migrate, ownerEnv)
  assert.equal(migrated.code, 0, migrated.stderr)
  assert.match(migrated.stdout, new RegExp(`applied ${next.version} drill`))
  await goesOn()

  // An older process that has to start again meanwhile, as after a crash.
  await second.kill('SIGKILL')
  const restarted = await serve(t, env)
  assert.match(restarted.output(), /a newer version of the connector has migrated the database/)
  // So does its service manager, if it migrates before each start.
  const again = await runSdmk(migrate, ownerEnv)
  assert.equal(again.code, 0, again.stderr)
  assert.match(again.stdout, /A newer version of the connector has migrated it, and nothing was changed/)
  const { rows: rights } = await pool.query(`select has_table_privilege($1, 'kki.drill', 'insert') as kept`, [
    serviceRole
  ])
  assert.deepEqual(rights, [{ kept: true }], 'the older version must not revoke rights of the newer one')

  const newer = await serve(t, env, [], next.sdmk)
  assert.doesNotMatch(newer.output(), /a newer version of the connector/)
  await goesOn()
  assert.deepEqual([await first.kill('SIGTERM'), await restarted.kill('SIGTERM')], [0, 0])
  await goesOn()
  simulator.clearFaults()

  await ended(scene, newer.url, id)
  await settled(pool)
  // How a row came there, by its own batch or a retry, depends on which of two batches is applied first.
  const found = difference(expected.snapshot, await takeSnapshot(pool), contents)
  await addAudit(found, pool, scene.secretsDir)
  assert.deepEqual(found, { lost: 0, duplicated: 0, examples: [] })
  assert.deepEqual(await outcomesOf(pool), expected.outcomes)
})

/** Stands for an Odoo: it stores people as its addons do, which deny a table with a column that they do not know. */
async function startOdoo(t: TestContext, unknown: string) {
  const people = new Set<number>()
  let isOld = true
  let denied = 0
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      const tables = JSON.parse(JSON.parse(body).payload) as Record<string, { columns?: string[]; rows?: string }>
      const isUnknown = Object.values(tables).some(table => table.columns?.includes(unknown))
      const fails = isOld && isUnknown
      if (fails) denied++
      else {
        const lines = tables.health_workers?.rows?.split('\n').slice(0, -1) ?? []
        const place = tables.health_workers?.columns?.indexOf('id') ?? 0
        for (const line of lines) people.add(Number(line.split('\t')[place]))
      }
      response.writeHead(fails ? 422 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(fails ? { name: 'odoo.exceptions.ValidationError', message: 'not known here' } : 1))
    })
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    people,
    denied: () => denied,
    updateAddons() {
      isOld = false
    }
  }
}

test('while the addons in Odoo are older than the sidecar, people wait in the queue, and arrive after the update', {
  timeout: limitMs
}, async t => {
  const column = 'match_reason'
  assert.ok(emptyTables('health-workers').includes(column))
  const odoo = await startOdoo(t, column)
  const { call, pool, run, secretsDir } = await startConnector(t, {
    rows: 200,
    env: {
      SDMK_ODOO_URL: odoo.url,
      SDMK_ODOO_DATABASE: 'odoo',
      SDMK_ODOO_TRANSPORT: 'json2',
      SDMK_ODOO_RETRY_MAX: '1'
    }
  })
  await createFileSecretStore(secretsDir).write('odoo', { login: 'sdmk', apiKey: 'invented' })
  const check = async () => {
    const { status, body } = await call('POST', '/v1/integrations/kki/check')
    assert.equal(status, 200, JSON.stringify(body))
    const { checks } = body as { checks: { what: string; isFine: boolean; en: string[] }[] }
    return checks.find(({ what }) => what === 'odoo')
  }
  assert.equal((await run({ mode: 'full' })).state, 'applied')
  await until('Odoo denies people', async () => odoo.denied() > 0)
  const old = await check()
  assert.equal(old?.isFine, false)
  assert.match(old?.en.join() ?? '', /addons in Odoo are missing or older/)
  assert.equal(odoo.people.size, 0)

  odoo.updateAddons()
  assert.equal((await check())?.isFine, true)
  const { rows: told } = await pool.query<{ id: number }>('select id from sdmk.health_worker order by id')
  assert.ok(told.length > 100)
  await until('all people are in Odoo', async () => odoo.people.size >= told.length, 600_000)
  assert.deepEqual(
    [...odoo.people].sort((one, other) => one - other),
    told.map(({ id }) => Number(id))
  )
})
