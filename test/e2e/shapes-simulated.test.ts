import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { loadDescription, shippedDescription } from '../../sidecar/source/load.ts'
import { Population } from '../../simulator/population.ts'
import { compileRecords } from '../../simulator/shape/record.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { canonicalForm } from '../../simulator/str-number.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { fetchPatiently } from '../helpers/patiently.ts'
import { dumpRegistry, kkiRecord, startConnector, temporaryFolder, waitForRun } from './helpers.ts'
import { serve, until } from './process.ts'

const rows = 60
/** A bound against hanging. */
const hangingMs = 900_000
const behindSeconds = 2 * 24 * 3600
const settings = {
  KKI_PAGE_SIZE: '6',
  KKI_OVERLAP: '0',
  // The simulator begins two days behind, so that a day may pass in it.
  KKI_CLOCK_TOLERANCE: String(3 * 24 * 3600)
}

const folder = fileURLToPath(new URL('../../contracts/sources/', import.meta.url))
const examples = ['kki.json', ...readdirSync(`${folder}examples`).map(name => `examples/${name}`)].filter(name =>
  name.endsWith('.json')
)

for (const name of examples) {
  const file = folder + name
  describe(`the simulator in the shape of ${name}`, () => {
    test('is read completely despite a lost token and faults, is unchanged in a second run, and a window has only the changes', async t => {
      const description = await loadDescription(file)
      const connector = await startConnector(t, { rows, brokenShare: 0, behindSeconds, like: file, env: settings })
      const { simulator, pool, run } = connector
      const means = description.answer.faults?.map(fault => fault.means) ?? []
      const hasToken = ['oauth2', 'session'].includes(description.authentication.type)
      if (hasToken) simulator.addFault({ kind: 'expire-tokens', afterPages: 3 })
      simulator.addFault(
        means.includes('tryLater')
          ? { kind: 'described', means: 'tryLater', afterPages: 5 }
          : { kind: 'status', status: 503, afterPages: 5 }
      )

      const full = await run({ mode: 'full' })

      assert.deepEqual([full.state, ledgerOf(full).fetched], ['applied', rows], JSON.stringify(full))
      const { issued, struck } = { issued: simulator.stats().tokens, struck: simulator.listFaults() }
      assert.ok(struck.every(({ hits }) => hits === 1))
      if (hasToken) assert.ok(Object.values(issued).reduce((sum, count) => sum + count, 0) >= 2, JSON.stringify(issued))
      const registry = await dumpRegistry(pool)
      assert.ok(registry.length > rows / 2)

      const again = await run({ mode: 'full' })

      const { fetched, unchanged, rejected } = ledgerOf(again)
      assert.deepEqual([again.state, fetched, unchanged + rejected], ['applied', rows, rows], JSON.stringify(again))
      assert.equal(rejected, ledgerOf(full).rejected)
      assert.deepEqual(await dumpRegistry(pool), registry)

      const start = simulator.now()
      const { changed } = simulator.newDay(0.2)
      const window = await run({
        mode: 'window',
        changedSince: new Date(start).toISOString(),
        changedUntil: new Date(simulator.now()).toISOString()
      })

      assert.ok(changed >= 8)
      assert.deepEqual([window.state, ledgerOf(window).fetched], ['applied', changed], JSON.stringify(window))
      const { rows: since } = await pool.query<{ str: string }>(
        'select str_number as str from sdmk.registration where source_at >= $1',
        [new Date(start)]
      )
      assert.equal(since.length, changed - ledgerOf(window).rejected)
      assert.deepEqual(new Set(since.map(({ str }) => str)).difference(changedIn(start)), new Set())
    })

    test('loses nothing if a fault stops a run', async t => {
      const { answer } = await loadDescription(file)
      const { simulator, pool, run } = await startConnector(t, { rows, brokenShare: 0, like: file, env: settings })
      const stops = answer.faults?.some(({ means }) => means === 'stop') ?? false
      simulator.addFault(
        stops ? { kind: 'described', means: 'stop', afterPages: 4 } : { kind: 'status', status: 422, afterPages: 4 }
      )

      const failed = await run({ mode: 'full' })

      assert.deepEqual([failed.state, failed.batches[0]?.error?.code], ['failed', 'KKI_DENIED'], JSON.stringify(failed))
      assert.deepEqual(await dumpRegistry(pool), [])
      const run2 = await run({ mode: 'full' })
      assert.deepEqual([run2.state, ledgerOf(run2).fetched], ['applied', rows])
    })
  })
}

// Side by side, since most of their time is the wait for the job of the process that is gone.
describe('a service that is killed in the middle', { concurrency: 3 }, () => {
  for (const name of examples) {
    test(`loses no row of the simulator in the shape of ${name}, and reads none twice`, async t => {
      const { file, isCounted } = await withPagesAtOnce(t, name)
      const { pool, simulator, start } = await setScene(t, file)
      // Counted pages are asked for again, and some ahead.
      simulator.addFault({ kind: 'slow', ms: 600_000, times: 0, afterPages: isCounted ? 12 : 8 })
      const first = await start()
      const id = await first.startRun()
      await until('pages are staged', async () => ((await readBatch(pool))?.pages ?? 0) >= 4, hangingMs)
      assert.equal((await readBatch(pool))?.state, 'fetching')

      await first.kill()
      simulator.clearFaults()
      const second = await start()
      const run = await waitForRun(second.readRun, id, hangingMs)

      assert.deepEqual([run.state, ledgerOf(run).fetched], ['applied', rows], JSON.stringify(run))
      const restarts = await pool.query(`select from kki.audit_event where action = 'batch.restarted'`)
      assert.equal(restarts.rows.length, 0, 'the walk resumes at its place')
      undisturbed ??= readUndisturbed(t)
      assert.deepEqual(await strsOf(pool), await undisturbed)
    })
  }
})

for (const { name, first, pagesBefore } of [
  // Served before the page that begins with the revoked row: one to learn the time, and the pages before it.
  { name: 'examples/page-number-api-key.json', first: 12, pagesBefore: 4 },
  { name: 'examples/offset-session-login.json', first: 11, pagesBefore: 3 }
]) {
  test(`a revocation is not lost if a row is deleted while ${name} is read`, async t => {
    const description = await loadDescription(folder + name)
    const { simulator, pool, run } = await startConnector(t, { like: folder + name, env: settings })
    const { write } = compileRecords(description, await loadDescription(shippedDescription))
    const people = Array.from({ length: 20 }, () => kkiRecord({ diubah_pada: '2026-01-01T00:00:00Z' }))
    const put = (index: number, changes: object) =>
      simulator.putRecords([
        {
          id: `row ${index}`,
          record: JSON.parse(write({ ...people[index], ...changes }, index)),
          sortStamp: new Date(Date.UTC(2026, 0, 2, index)).toISOString()
        }
      ])
    for (const index of people.keys()) put(index, {})
    const before = await run({ mode: 'full' })
    assert.deepEqual([before.state, ledgerOf(before).created], ['applied', 20], JSON.stringify(before))
    put(first, { status_str: 'DICABUT', diubah_pada: '2026-02-01T00:00:00Z' })
    simulator.addFault({ kind: 'delete-record', id: 'row 0', afterPages: pagesBefore })

    const after = await run({ mode: 'full' })

    assert.deepEqual([after.state, ledgerOf(after).updated], ['applied', 1], JSON.stringify(after))
    assert.equal(simulator.listFaults()[0]?.hits, 1)
    const { rows: revoked } = await pool.query(`select str_number from sdmk.registration where status = 'revoked'`)
    assert.deepEqual(revoked, [{ str_number: people[first]?.nomor_str }])
    const restarts = await pool.query(`select from kki.audit_event where action = 'batch.restarted'`)
    assert.equal(restarts.rows.length, 0, 'the walk continues at the present place of the row')
  })
}

function ledgerOf({ batches }: RunBody): BatchBody['ledger'] {
  return (batches[0] as BatchBody).ledger
}

/** The STR numbers that a day changed which began at `start`. */
function changedIn(start: number): Set<string> {
  const population = new Population({ seed: 1, rows, brokenShare: 0 })
  population.days.add(start, 0.2)
  return new Set([...population.walk(start)].map(({ index }) => canonicalForm(population.recordOf(index).str)))
}

let undisturbed: Promise<unknown[]> | undefined

/** The same people have the same licences in each shape. */
async function readUndisturbed(t: TestContext): Promise<unknown[]> {
  const { pool, run } = await startConnector(t, { rows, brokenShare: 0 })
  await run({ mode: 'full' })
  return strsOf(pool)
}

async function strsOf(pool: pg.Pool): Promise<unknown[]> {
  const { rows: found } = await pool.query('select str_number, profession, status from sdmk.registration order by 1, 2')
  assert.ok(found.length > rows / 2)
  return found
}

async function readBatch(pool: pg.Pool): Promise<{ pages: number; state: string } | undefined> {
  const { rows: found } = await pool.query<{ pages: number; state: string }>(
    'select pages::int4 as pages, state from kki.batch'
  )
  return found[0]
}

/** Returns the file of a description. If its paging allows it, this is a copy that requests several pages at once. */
async function withPagesAtOnce(t: TestContext, name: string): Promise<{ file: string; isCounted: boolean }> {
  const file = folder + name
  const json = JSON.parse(await readFile(file, 'utf8'))
  if (!['page_number', 'offset'].includes(json.paging.type)) return { file, isCounted: false }
  if (json.paging.type === 'offset') json.limits = { ...json.limits, pagesAtOnce: 3 }
  const copy = path.join(await temporaryFolder(t), 'source.json')
  await writeFile(copy, JSON.stringify(json))
  return { file: copy, isCounted: true }
}

/** A simulator, and the settings of services that query it; `start` starts one in a separate process. */
async function setScene(t: TestContext, like: string) {
  const simulator = await startSimulator({ rows, brokenShare: 0, like })
  t.after(() => simulator.close())
  const { url, pool } = await createTestDatabase(t)
  const secretsDir = await temporaryFolder(t)
  const secrets = createFileSecretStore(secretsDir)
  await initIdentity(secrets)
  await secrets.write('kki', simulator.secret)
  const { key } = await createApiKey(pool, 'test', ['runs:read', 'runs:write'])
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const env = {
    SDMK_DATABASE_URL: url,
    SDMK_SECRETS_DIR: secretsDir,
    KKI_BASE_URL: simulator.url,
    KKI_SOURCE_FILE: like,
    KKI_RETRY_BASE: '20',
    ...settings
  }
  async function start() {
    const service = await serve(t, env)
    const ask = async (path: string, init: RequestInit = {}) => {
      const answer = await fetchPatiently(service.url + path, { ...init, headers })
      return { status: answer.status, body: (await answer.json()) as RunBody }
    }
    return {
      kill: () => service.kill('SIGKILL'),
      async startRun() {
        const { status, body } = await ask('/v1/runs', { method: 'POST', body: JSON.stringify({ mode: 'full' }) })
        assert.equal(status, 202, JSON.stringify(body))
        return body.id
      },
      readRun: (id: number) => ask(`/v1/runs/${id}`)
    }
  }
  return { pool, simulator, start }
}
