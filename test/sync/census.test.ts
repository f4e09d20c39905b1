import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { KkiClient } from '../../sidecar/kki/types.ts'
import type { JobQueue } from '../../sidecar/platform/queue.ts'
import { createTraceId } from '../../sidecar/platform/trace-context.ts'
import { type Batch, readBatch } from '../../sidecar/sync/batch.ts'
import { takeCensus } from '../../sidecar/sync/census.ts'
import { loadMapping } from '../../sidecar/sync/mapping-file.ts'
import { createRun } from '../../sidecar/sync/run.ts'
import { ensureSetting } from '../../sidecar/sync/settings.ts'
import { advanceWatermark, readWatermark } from '../../sidecar/sync/watermark.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

/** A full run of which every batch has fetched a hundred rows, in a KKI that counts `total` of them. */
async function setUp(t: TestContext, total: number) {
  const { database, pool } = await createTestDatabase(t)
  await ensureSetting(pool, '0 2 * * *')
  const mapping = await loadMapping(new URL('../../contracts/kki-mapping.json', import.meta.url).pathname)
  const queue = { send: async () => 'job' } as unknown as JobQueue
  const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: createTraceId() }
  const { runId, batchIds } = await database.withTransaction(client =>
    createRun(client, queue, mapping, { mode: 'full' }, { triggeredBy: 'api', caller })
  )
  await pool.query(`update kki.batch set state = 'fetching', fetched = 100, fetched_at = now(), window_until = now()`)
  const kki = { fetchPage: async () => ({ total }) } as unknown as KkiClient
  const context = { database, queue, kki, mapping, logger: silent }
  const census = () => takeCensus(context, runId, AbortSignal.timeout(10_000))
  const remainder = async () => (await pool.query(`select id from kki.batch where partition = '*'`)).rowCount
  const isFinished = async () => (await pool.query('select from kki.run where finished_at is not null')).rowCount === 1
  return { database, pool, batchIds, census, remainder, isFinished }
}

test('the rest of a full run is walked as soon as all professions are fetched', async t => {
  const { census, remainder, isFinished } = await setUp(t, 1_000_000)
  await census()
  assert.equal(await remainder(), 1)
  await census()
  assert.equal(await remainder(), 1)
  assert.equal(await isFinished(), false)
})

test('the rest of a full run, applied before the others, says nothing of what they have stored', async t => {
  const { database, pool, census } = await setUp(t, 1_000_000)
  await census()
  await pool.query(`update kki.batch set window_until = '2026-01-02T00:00:00Z' where partition = '*'`)
  const { rows } = await pool.query(`select id from kki.batch where partition = '*'`)
  await database.withTransaction(async client => {
    await advanceWatermark(client, (await readBatch(client, rows[0].id)) as Batch)
  })
  assert.equal(await readWatermark(pool, 'doctor'), null)
  await pool.query(`update kki.batch set state = 'applied', unchanged = fetched`)
  await pool.query(`update kki.batch set window_until = '2026-01-01T00:00:00Z' where partition = 'doctor'`)
  await census()
  assert.equal((await readWatermark(pool, 'doctor'))?.toISOString(), '2026-01-01T00:00:00.000Z')
})

test('a full run ends when all of it is applied', async t => {
  const { pool, census, isFinished } = await setUp(t, 1_000_000)
  await census()
  await pool.query(`update kki.batch set state = 'applied', unchanged = fetched`)
  await census()
  assert.equal(await isFinished(), true)
})

test('a full run in which a batch is held, or not fetched yet, is not counted', async t => {
  const { pool, batchIds, census, remainder } = await setUp(t, 1_000_000)
  for (const change of [`state = 'held', unchanged = fetched`, `state = 'fetching', fetched_at = null`]) {
    await pool.query(`update kki.batch set ${change} where id = $1`, [batchIds[0]])
    await census()
    assert.equal(await remainder(), 0)
  }
})

test('where KKI counts no more than was fetched there is no rest, and the run ends once all is applied', async t => {
  const { pool, census, remainder, isFinished } = await setUp(t, 100)
  await census()
  assert.equal(await isFinished(), false)
  await pool.query(`update kki.batch set state = 'applied', unchanged = fetched`)
  await census()
  assert.deepEqual([await remainder(), await isFinished()], [0, true])
})
