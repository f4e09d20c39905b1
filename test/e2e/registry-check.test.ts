import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { checkRegistry } from '../../sidecar/sync/check-registry.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { inject, kkiRecord, resolve, startConnector, temporaryFolder, waitForRun } from './helpers.ts'
import { runSdmk } from './process.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: '0'.repeat(32) }

interface Detail {
  id: number
  code: string
  state: string
  candidates: number[]
  rows: { row: unknown; comparisons: { healthWorkerId: number }[] }[]
}

/** Two licences of one person that an earlier rule stored as two people. */
async function withDuplicate(t: TestContext) {
  const connector = await startConnector(t)
  const { simulator, pool, run, call } = connector
  const doctor = kkiRecord({ nama: 'Dewi Lestari', tempat_lahir: 'Bandung', diubah_pada: ago(60) })
  const nurse = kkiRecord({
    ...doctor,
    nomor_str: 'EQ55555555555555',
    nik: null,
    nama: 'Orang Lain',
    diubah_pada: ago(60)
  })
  await inject(simulator, [{ record: doctor }, { id: 'nurse', record: nurse }])
  assert.equal((await run({})).state, 'applied')
  const { rows } = await pool.query(`select id from sdmk.health_worker order by name`)
  const [older, younger] = rows.map(({ id }) => id as number)
  assert.ok(older && younger)
  await inject(simulator, [{ id: 'nurse', record: { ...nurse, nama: 'Dewi Lestari' } }])
  await pool.query(
    `update sdmk.health_worker h set name = o.name, name_key = o.name_key from sdmk.health_worker o where h.id = $2 and o.id = $1`,
    [older, younger]
  )
  const questions = async () => ((await call('GET', '/v1/rejections?state=open')).body as { items: Detail[] }).items
  return { ...connector, older, younger, questions }
}

test('a question of a check gets its row from KKI, and a reviewer merges two people with it', async t => {
  const { app, call, pool, older, younger, questions } = await withDuplicate(t)
  const first = Math.min(older, younger)
  const found = await checkRegistry({ database: app.database }, { caller })
  assert.deepEqual([found.duplicates, found.contradictions], [1, 0])
  const [question] = await questions()
  assert.ok(question)
  assert.deepEqual([question.code, question.candidates], ['POSSIBLE_DUPLICATE', [first]])

  const decide = (healthWorkerId: number) => resolve({ call }, question.id, { healthWorkerId, reason: 'one person' })
  assert.equal((await decide(first)).status, 409)
  const retried = await call('POST', `/v1/rejections/${question.id}/retry`, {})
  assert.equal(retried.status, 202, JSON.stringify(retried.body))
  await waitForRun(id => call('GET', `/v1/runs/${id}`), (retried.body as { runId: number }).runId)
  const detail = (await call('GET', `/v1/rejections/${question.id}`)).body as Detail
  assert.equal(detail.state, 'open')
  assert.notEqual(detail.rows[0]?.row, null)
  assert.deepEqual(
    detail.rows[0]?.comparisons.map(({ healthWorkerId }) => healthWorkerId),
    [first]
  )

  const resolved = await decide(first)
  assert.equal(resolved.status, 200, JSON.stringify(resolved.body))
  assert.deepEqual(await questions(), [])
  const { rows } = await pool.query('select distinct health_worker_id as id from sdmk.registration')
  assert.deepEqual(rows, [{ id: first }])
  assert.equal((await checkRegistry({ database: app.database }, { caller })).duplicates, 0)
})

test('the command only counts with --dry-run, and asks without it', async t => {
  const { url, pool } = await createTestDatabase(t)
  const env = { SDMK_DATABASE_URL: url, SDMK_SECRETS_DIR: await temporaryFolder(t) }
  await pool.query(
    `insert into sdmk.health_worker (name, name_key, birth_date, birth_place_key, name_at)
    select 'Dewi Lestari', 'DEWI LESTARI', '1991-04-23', 'BANDUNG', now() from generate_series(1, 2)`
  )
  const dry = await runSdmk(['registry', 'check', '--dry-run', '--json'], env)
  assert.equal(dry.code, 0, dry.stderr)
  assert.deepEqual(JSON.parse(dry.stdout), {
    duplicates: 0,
    contradictions: 0,
    withoutLicence: 1,
    people: 2,
    batchId: null,
    runId: null,
    closed: 0
  })
  const { code, stdout, stderr } = await runSdmk(['registry', 'check'], env)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^2 people checked in batch \d+$/m)
  assert.match(stdout, /^1 pair of people without a licence, not in the review queue$/m)
  const { rows } = await pool.query(`select state, fetched from kki.batch where kind = 'check'`)
  assert.deepEqual(rows, [{ state: 'applied', fetched: 0 }])
})
