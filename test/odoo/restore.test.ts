import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { installCluster } from '../../tools/ha/install.ts'
import { fault, inject, kkiRecord, temporaryFolder, waitForRun } from '../e2e/helpers.ts'
import { runSdmk, until } from '../e2e/process.ts'
import { serverUrl, withAdmin } from '../helpers/server.ts'
import { assertMirrored } from './helpers/mirror.ts'
import { drained, openWorld } from './helpers/world.ts'

const run = promisify(execFile)
const { skip, world } = await openWorld()
const script = fileURLToPath(new URL('../../tools/restore/dump.sh', import.meta.url))
const limitMs = 300_000
const reason = 'Restored from a backup'
/** A name that a person got after the backup. */
const lostName = 'Nama Yang Hilang'

/** Backups of this database with PostgreSQL's own programs. */
async function openBackups(t: TestContext, ownerUrl: string) {
  const programs = await installCluster()
  const { hostname, port, username, password, pathname } = new URL(ownerUrl)
  const name = pathname.slice(1)
  const dump = path.join(await temporaryFolder(t), 'sdmk.dump')
  const env = {
    ...programs.env,
    PATH: `${programs.postgres}:/usr/bin:/bin`,
    ...{ PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: decodeURIComponent(password) }
  }
  const as = (file: string, args: string[]) => run(file, args, { env, timeout: limitMs })
  return {
    backUp: () => as('pg_dump', ['--format=custom', '--no-owner', `--file=${dump}`, name]),
    /** Puts the backup in the place of the database. */
    async restore() {
      const restored = `${name}_restored`
      await as('sh', [script, dump, restored])
      await withAdmin(await serverUrl(), async client => {
        await client.query(`drop database ${name} with (force)`)
        await client.query(`alter database ${restored} rename to ${name}`)
      })
    }
  }
}

/** People that only the lost part of the history has; their ids are given to others afterwards. */
async function writePeople(t: TestContext): Promise<string> {
  const file = path.join(await temporaryFolder(t), 'people.csv')
  const lines = Array.from({ length: 24 }, (_, n) => {
    const letter = String.fromCharCode(65 + n)
    return `${letter}${letter.toLowerCase()}ndika Impor ${letter}usuma,Bandung,${1960 + n}-03-04,L`
  })
  await writeFile(file, `nama,tempat_lahir,tanggal_lahir,jenis_kelamin\n${lines.join('\n')}\n`)
  return file
}

test('after a restore to the middle of a run, the next run and a compare make Odoo and the registry equal, and the audit shows the gap', {
  skip,
  timeout: 900_000
}, async t => {
  const options = { rows: 2000, brokenShare: 0.04, env: { SDMK_BATCH_ROWS: '500', KKI_PAGE_SIZE: '100' } }
  const connector = await world.connect(t, 'json2', options)
  const { pool, call, simulator, env } = connector
  const { theirs } = world
  const backups = await openBackups(t, pool.options.connectionString as string)
  const sdmk = async (...args: string[]) => {
    const { code, stdout, stderr } = await runSdmk([...args, '--json'], env)
    assert.ok(stdout, stderr)
    return { code, body: JSON.parse(stdout) }
  }
  const compare = async () => (await sdmk('odoo', 'compare')).body as Record<string, number>
  const headOf = async () => {
    const { head } = (await sdmk('audit', 'verify')).body as { head: { seq: number; hash: string } }
    return `${head.seq}:${head.hash}`
  }
  const countBatches = async (state: string) => {
    const { rows } = await pool.query<{ n: number }>(
      `select count(*)::int as n from kki.batch where kind = 'full' and state = $1`,
      [state]
    )
    return rows[0]?.n ?? 0
  }

  await fault(simulator, { kind: 'slow', ms: 400, times: 0, on: 'list' })
  const { id } = (await call('POST', '/v1/runs', { mode: 'full' })).body as RunBody
  const read = (run: number) => call('GET', `/v1/runs/${run}`)
  await until('two batches are applied', async () => (await countBatches('applied')) >= 2, limitMs)
  await backups.backUp()
  assert.equal(((await read(id)).body as RunBody).finishedAt, null, 'the run must still be open')

  // What the backup does not have: people, the rest of the run, an edit, decisions, and a change of KKI.
  const imported = await sdmk('import', await writePeople(t))
  assert.equal(imported.body.created, 24, JSON.stringify(imported.body))
  simulator.clearFaults()
  assert.equal((await waitForRun(read, id)).state, 'applied')
  const { rows: people } = await pool.query<{ id: number; version: number }>(
    `select id, version from sdmk.health_worker where nik_digest is not null order by id limit 1`
  )
  const [person] = people
  assert.ok(person)
  const edit = { name: lostName, reason: 'seen the identity card' }
  const edited = await call('PATCH', `/v1/health-workers/${person.id}`, edit, { 'if-match': `"${person.version}"` })
  assert.equal(edited.status, 200, JSON.stringify(edited.body))
  const dismissed = await call('POST', '/v1/rejections/dismiss', { code: 'DATE_INVALID', reason: 'entered by mistake' })
  assert.ok(dismissed.status < 300, JSON.stringify(dismissed.body))
  const late = kkiRecord({ diubah_pada: new Date(simulator.now() - 60_000).toISOString() })
  await inject(simulator, [{ record: late }])
  const { batches } = await connector.run({})
  assert.equal(
    batches.reduce((sum, { ledger }) => sum + ledger.created, 0),
    1
  )
  await drained(pool)
  await assertMirrored(pool, theirs)
  const lostHead = await headOf()
  await connector.stop()

  await backups.restore()
  const keptHead = await headOf()
  const { code, body } = await sdmk('audit', 'verify', '--head', lostHead)
  assert.deepEqual([code, body.first.map((finding: { code: string }) => finding.code)], [1, ['CUT_OFF']])
  assert.ok((await countBatches('applied')) < 4, 'restored to the middle of the run')

  await connector.restart({})
  assert.equal((await waitForRun(read, id)).state, 'applied', 'the open run ends')
  assert.equal((await connector.run({})).state, 'applied')
  await drained(pool)
  const differing = await compare()
  for (const kind of ['health_workers', 'rejections', 'audit_heads']) {
    assert.ok((differing[kind] ?? 0) > 0, `${kind}: Odoo must still have the lost part: ${JSON.stringify(differing)}`)
  }
  t.diagnostic(JSON.stringify(differing))
  await drained(pool)
  await assertMirrored(pool, theirs)
  const { rows: counts } = await theirs.query(
    `select count(*) filter (where name = $1 or name like '%Impor%')::int as lost,
      (select count(*)::int from sdmk_registration where str_number = $2 and active) as late
    from sdmk_health_worker`,
    [lostName, late.nomor_str]
  )
  assert.deepEqual(counts[0], { lost: 0, late: 1 }, 'what only the backup lacks is gone, and KKI’s change is back')

  const { audit_heads: heads = 0, ...others } = await compare()
  assert.deepEqual(new Set(Object.values(others)), new Set([0]))
  assert.ok(heads > 0, 'Odoo shows the gap in the audit until a person gives the reason')
  const setAside = await sdmk('odoo', 'set-aside-heads', '--after', keptHead, '--reason', reason)
  assert.equal(setAside.body.differing, 0)
  assert.deepEqual(new Set(Object.values(await compare())), new Set([0]))
  assert.equal((await sdmk('audit', 'verify')).code, 0)
  const { rows: events } = await pool.query(
    `select detail->>'reason' as reason from kki.audit_event where action = 'audit.heads_set_aside'`
  )
  assert.deepEqual(events, [{ reason }])
})
