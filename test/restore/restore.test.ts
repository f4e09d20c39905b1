import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { difference, type Snapshot, takeSnapshot } from '../../chaos/compare.ts'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { serviceRole, serviceUrlOf } from '../../sidecar/platform/embedded-database.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { fault, temporaryFolder } from '../e2e/helpers.ts'
import { environment, runSdmk, serve, until } from '../e2e/process.ts'
import { fetchPatiently } from '../helpers/patiently.ts'
import { silent } from '../helpers/server.ts'
import { openWorkshop, type Workshop } from './server.ts'

const limitMs = 300_000
const script = (name: string) => fileURLToPath(new URL(`../../tools/restore/${name}`, import.meta.url))

/** A lost system: its backups, and the changes after them. */
interface Lost {
  workshop: Workshop
  simulator: Simulator
  secretsDir: string
  key: string
  base: string
  dump: string
  /** In the middle of a run. */
  moment: string
  /** The registry after the run, which nothing disturbed. */
  expected: Snapshot
  /** The end of the audit chain, as Odoo or the log has it. */
  head: string
}

const envOf = ({ secretsDir, simulator }: Pick<Lost, 'secretsDir' | 'simulator'>, ownerUrl: string) => ({
  SDMK_DATABASE_URL: serviceUrlOf(ownerUrl),
  SDMK_SECRETS_DIR: secretsDir,
  SDMK_BATCH_ROWS: '500',
  KKI_BASE_URL: simulator.url,
  KKI_PAGE_SIZE: '100',
  KKI_SETTLE: '0'
})

async function withPool<T>(url: string, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => undefined)
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

/** The state of the only full run: how many batches are applied, and whether it has ended. */
async function progress(pool: pg.Pool) {
  const { rows } = await pool.query<{ applied: number; open: number }>(
    `select count(*) filter (where b.state = 'applied')::int as applied,
      (select count(*)::int from kki.run where mode = 'full' and finished_at is null) as open
    from kki.batch b where b.kind = 'full'`
  )
  return rows[0] ?? { applied: 0, open: 0 }
}

async function isQuiet(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ quiet: boolean }>(
    `select not exists (select from pgboss.job where state < 'completed' and name in ('kki-fetch', 'kki-apply', 'reprocess'))
      and not exists (select from kki.run where finished_at is null)
      and not exists (select from kki.audit_unchained) as quiet`
  )
  return rows[0]?.quiet === true
}

async function audit(env: Record<string, string>, ...args: string[]) {
  const { code, stdout, stderr } = await runSdmk(['audit', 'verify', '--json', ...args], env)
  assert.ok(stdout, stderr)
  const { head, first } = JSON.parse(stdout) as { head: { seq: number; hash: string }; first: { code: string }[] }
  return { code, head: `${head.seq}:${head.hash}`, codes: first.map(finding => finding.code) }
}

/** Returns the checks that failed. Alerts, Odoo and the machine are not part of these drills. */
async function doctor(env: Record<string, string>): Promise<string[]> {
  const { stdout, stderr } = await runSdmk(['doctor', '--json'], env)
  assert.ok(stdout, stderr)
  const { findings } = JSON.parse(stdout) as { findings: { check: string; state: string }[] }
  const checks = findings.map(({ check }) => check)
  for (const check of ['schema', 'keys', 'audit chain', 'watermark']) {
    if (!checks.includes(check)) return [`without ${check}`]
  }
  return findings.filter(({ state, check }) => state === 'failed' && check !== 'disk').map(({ check }) => check)
}

/** Makes both backups in the middle of a run, which then ends; a decision follows. Everything is stopped at the end. */
async function loseEverything(t: TestContext): Promise<Lost> {
  const workshop = await openWorkshop(t)
  const { folder, as, urlOf } = workshop
  const simulator = await startSimulator({ rows: 4000, seed: 13, brokenShare: 0.04 })
  t.after(() => simulator.close())
  const data = path.join(folder, 'data')
  const port = await workshop.start(data)
  await withPool(urlOf(port, 'postgres'), async pool => {
    await pool.query(`create role ${serviceRole} login password '${workshop.password}'`)
    await pool.query('create database sdmk')
  })
  const ownerUrl = urlOf(port, 'sdmk')
  await migrate({ databaseUrl: ownerUrl, grantTo: serviceRole, logger: silent })
  const secretsDir = await temporaryFolder(t)
  const secrets = createFileSecretStore(secretsDir)
  await initIdentity(secrets)
  await secrets.write('kki', simulator.secret)
  const base = path.join(folder, 'base')
  const dump = path.join(folder, 'sdmk.dump')

  return withPool(ownerUrl, async pool => {
    const { key } = await createApiKey(pool, 'test', [...scopes])
    const env = envOf({ secretsDir, simulator }, ownerUrl)
    const service = await serve(t, env)
    const call = async (address: string, body: object) => {
      const answer = await fetchPatiently(service.url + address, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body)
      })
      assert.ok(answer.ok, `${address}: ${answer.status}`)
      return (await answer.json()) as RunBody
    }
    await as('pg_basebackup', [`--pgdata=${base}`, '--checkpoint=fast', '--wal-method=stream'], port)
    await fault(simulator, { kind: 'slow', ms: 400, times: 0, on: 'list' })
    await call('/v1/runs', { mode: 'full' })
    await until('some batches are applied', async () => (await progress(pool)).applied >= 3)
    const { rows } = await pool.query<{ moment: string }>('select clock_timestamp()::text as moment')
    await as('pg_dump', ['--format=custom', '--no-owner', `--file=${dump}`, 'sdmk'], port)
    assert.equal((await progress(pool)).open, 1, 'the run must still be open')
    simulator.clearFaults()
    await until('the run ends', () => isQuiet(pool), limitMs)
    const expected = await takeSnapshot(pool)
    await call('/v1/rejections/dismiss', { code: 'DATE_INVALID', reason: 'entered by mistake' })
    await until('the decision is in the chain', () => isQuiet(pool), limitMs)
    const { head } = await audit(env)
    await service.kill('SIGTERM')
    await pool.query('select pg_switch_wal()')
    await workshop.stop(data)
    return { workshop, simulator, secretsDir, key, base, dump, moment: rows[0]?.moment ?? '', expected, head }
  })
}

/** Starts the service on a restored database: the open run must end as the one did that nothing disturbed. */
async function assertHeals(t: TestContext, lost: Lost, ownerUrl: string): Promise<void> {
  const env = envOf(lost, ownerUrl)
  await withPool(ownerUrl, async pool => {
    const before = await progress(pool)
    assert.ok(before.applied >= 3 && before.open === 1, `restored to the middle of the run: ${JSON.stringify(before)}`)
    await migrate({ databaseUrl: ownerUrl, grantTo: serviceRole, logger: silent })
    assert.deepEqual(await doctor(env), [])
    const gap = await audit(env, '--head', lost.head)
    assert.deepEqual([gap.code, gap.codes], [1, ['CUT_OFF']], 'the lost decision is missing in the chain')

    const service = await serve(t, env)
    await until('the restored run ends', () => isQuiet(pool), limitMs)
    assert.deepEqual(difference(lost.expected, await takeSnapshot(pool)), { lost: 0, duplicated: 0, examples: [] })
    assert.deepEqual(await doctor(env), [])
    assert.equal(await service.kill('SIGTERM'), 0)
  })
}

test('a restored system reports the missing changes, and ends the run that was open', {
  timeout: 1_500_000
}, async t => {
  const lost = await loseEverything(t)
  const { workshop } = lost
  const restored = path.join(workshop.folder, 'restored')
  let port = 0

  await t.test('from a base backup and the archived log, at a moment in the middle of a run', async t => {
    await workshop.as('sh', [script('point-in-time.sh'), lost.base, workshop.archive, restored, lost.moment])
    port = await workshop.start(restored)
    const ownerUrl = workshop.urlOf(port, 'sdmk')
    await until('the server is restored', () =>
      withPool(ownerUrl, async pool => {
        const { rows } = await pool.query('select pg_is_in_recovery() as "isRestoring"')
        return rows[0]?.isRestoring === false
      }).catch(() => false)
    )
    await assertHeals(t, lost, ownerUrl)
  })

  await t.test('from a dump that was made during a run', async t => {
    await workshop.as('sh', [script('dump.sh'), lost.dump, 'from_dump'], port)
    await assertHeals(t, lost, workshop.urlOf(port, 'from_dump'))
  })

  await t.test('after the folder of secrets was lost', async t => {
    const env = envOf(lost, workshop.urlOf(port, 'from_dump'))
    const copy = path.join(await temporaryFolder(t), 'nik-keys.json')
    await cp(path.join(lost.secretsDir, 'nik-keys.json'), copy)
    await rm(lost.secretsDir, { recursive: true })
    assert.notDeepEqual(await doctor(env), [])
    assert.notEqual((await runSdmk(['sync'], env)).code, 0)

    const { code, stderr } = await sh(script('secrets.sh'), copy, lost.secretsDir)
    assert.equal(code, 0, stderr)
    await createFileSecretStore(lost.secretsDir).write('kki', lost.simulator.secret)
    assert.deepEqual(await doctor(env), [])
    const { code: synced, stdout, stderr: why } = await runSdmk(['sync', '--mode', 'full', '--json'], env)
    assert.equal(synced, 0, why)
    const { created, linked, updated } = JSON.parse(stdout) as Record<string, number>
    assert.deepEqual([created, linked, updated], [0, 0, 0], 'all people are recognised')
  })
})

async function sh(file: string, ...args: string[]) {
  const { execFile } = await import('node:child_process')
  return new Promise<{ code: number; stderr: string }>(resolve => {
    execFile('sh', [file, ...args], { env: environment({}) }, (error, _stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, stderr })
    )
  })
}
