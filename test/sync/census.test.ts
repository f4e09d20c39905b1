import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { throwawayIdentity } from '../../sidecar/identity/keys.ts'
import type { KkiClient } from '../../sidecar/kki/types.ts'
import type { JobQueue } from '../../sidecar/platform/queue.ts'
import { createTraceId } from '../../sidecar/platform/trace-context.ts'
import { type Batch, readBatch } from '../../sidecar/sync/batch.ts'
import { cancelRun } from '../../sidecar/sync/cancel-run.ts'
import { queueCensus, takeCensus } from '../../sidecar/sync/census.ts'
import { loadMapping } from '../../sidecar/sync/mapping-file.ts'
import { createRun } from '../../sidecar/sync/run.ts'
import { ensureSetting } from '../../sidecar/sync/settings.ts'
import { takeBack } from '../../sidecar/sync/take-back.ts'
import { advanceWatermark, readWatermark } from '../../sidecar/sync/watermark.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: createTraceId() }

/** A full run of which every batch has fetched a hundred rows, in a KKI that counts `total` of them. */
async function setUp(t: TestContext, total: number) {
  const { database, pool } = await createTestDatabase(t)
  await ensureSetting(pool, '0 2 * * *')
  const mapping = await loadMapping(new URL('../../contracts/kki-mapping.json', import.meta.url).pathname)
  const queue = { send: async () => 'job' } as unknown as JobQueue
  const { runId, batchIds } = await database.withTransaction(client =>
    createRun(client, queue, mapping, { mode: 'full' }, { triggeredBy: 'api', caller })
  )
  await pool.query(`update kki.batch set state = 'fetching', fetched = 100, fetched_at = now(), window_until = now()`)
  const kki = {
    asked: 0,
    /** What happens while KKI counts. */
    meanwhile: async () => {},
    async fetchPage() {
      this.asked++
      await this.meanwhile()
      return { total }
    }
  }
  const context = { database, queue, kki: kki as unknown as KkiClient, mapping, logger: silent }
  const census = () => takeCensus(context, runId, AbortSignal.timeout(60_000))
  const applyAll = () =>
    pool.query(`update kki.batch set state = 'applied', unchanged = fetched, fetched_at = coalesce(fetched_at, now())`)
  const remainder = async () => (await pool.query(`select id from kki.batch where partition = '*'`)).rowCount
  const isFinished = async () => (await pool.query('select from kki.run where finished_at is not null')).rowCount === 1
  return { database, pool, queue, kki, runId, batchIds, census, applyAll, remainder, isFinished }
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
  const { database, pool, census, applyAll } = await setUp(t, 1_000_000)
  await census()
  await pool.query(`update kki.batch set window_until = '2026-01-02T00:00:00Z' where partition = '*'`)
  const { rows } = await pool.query(`select id from kki.batch where partition = '*'`)
  await database.withTransaction(async client => {
    await advanceWatermark(client, (await readBatch(client, rows[0].id)) as Batch)
  })
  assert.equal(await readWatermark(pool, 'doctor'), null)
  await applyAll()
  await pool.query(`update kki.batch set window_until = '2026-01-01T00:00:00Z' where partition = 'doctor'`)
  await census()
  assert.equal((await readWatermark(pool, 'doctor'))?.position.toISOString(), '2026-01-01T00:00:00.000Z')
})

test('a full run ends when all of it is applied', async t => {
  const { census, applyAll, isFinished } = await setUp(t, 1_000_000)
  await census()
  await applyAll()
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

test('where KKI counts no more than was fetched it is not asked again, and the run ends once all is applied', async t => {
  const { kki, census, applyAll, remainder, isFinished } = await setUp(t, 100)
  await census()
  assert.equal(await isFinished(), false)
  await applyAll()
  await census()
  assert.deepEqual([await remainder(), await isFinished()], [0, true])
  assert.equal(kki.asked, 1)
})

test('a run that is cancelled while KKI counts gets no further batch', async t => {
  const { database, kki, runId, census, remainder, isFinished } = await setUp(t, 1_000_000)
  kki.meanwhile = async () => void (await database.withTransaction(client => cancelRun(client, runId, caller)))
  await census()
  assert.deepEqual([await remainder(), await isFinished()], [0, true])
})

test('a census that another overtook while KKI counted adds no second rest', async t => {
  const { pool, kki, census, remainder } = await setUp(t, 1_000_000)
  kki.meanwhile = async () => {
    kki.meanwhile = async () => {}
    await census()
    await pool.query(`update kki.batch set state = 'held', fetched_at = now() where partition = '*'`)
  }
  await census()
  assert.equal(await remainder(), 1)
})

test('a full run of which a batch is undone before it is counted ends all the same', async t => {
  const { database, batchIds, census, applyAll, isFinished } = await setUp(t, 1_000_000)
  await applyAll()
  const context = {
    database,
    identity: throwawayIdentity(),
    logger: silent,
    timeZone: 'Asia/Jakarta'
  } as unknown as Parameters<typeof takeBack>[0]
  await takeBack(context, batchIds[0] as number, { reason: 'test', caller })
  await census()
  assert.equal(await isFinished(), true)
})

test('a census looks only when the batch that queued it has ended', { timeout: 120_000 }, async t => {
  const { database, pool, queue, runId, batchIds, census, applyAll, isFinished } = await setUp(t, 1_000_000)
  await census()
  await applyAll()
  await pool.query(`update kki.batch set state = 'planned' where id = $1`, [batchIds[0]])
  const taken = await database.withTransaction(async client => {
    await client.query(`update kki.batch set state = 'applied' where id = $1`, [batchIds[0]])
    await queueCensus(client, queue, runId)
    // As where a job waits already, is not joined by another, and is taken up now.
    const early = { done: census() }
    await sleep(200)
    return early
  })
  await taken.done
  assert.equal(await isFinished(), true)
})
