import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type pg from 'pg'
import type { Transaction } from '../../sidecar/platform/database.ts'
import type { JobQueue } from '../../sidecar/platform/queue.ts'
import { createTraceId } from '../../sidecar/platform/trace-context.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import { type Batch, type BatchChange, changeBatch, readBatch } from '../../sidecar/sync/batch.ts'
import { cancelRun } from '../../sidecar/sync/cancel-run.ts'
import { closeRun } from '../../sidecar/sync/close-run.ts'
import { RunOpen } from '../../sidecar/sync/errors.ts'
import { createRun, insertBatch, type RunRequest } from '../../sidecar/sync/run.ts'
import { ensureSetting, readSetting, writeSetting } from '../../sidecar/sync/settings.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { insertWatermark, readPosition } from './watermark.ts'

const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: createTraceId() }
const queue = { send: async () => 'job' } as unknown as JobQueue

async function setUp(t: TestContext) {
  const { database, pool } = await createTestDatabase(t)
  await database.withTransaction(client => ensureSetting(client, '0 2 * * *'))
  const mapping = await loadMapping(new URL('../../contracts/sources/kki.json', import.meta.url).pathname)
  const start = (request: RunRequest) =>
    database.withTransaction(client => createRun(client, queue, mapping, request, { triggeredBy: 'api', caller }))
  /** A run whose walk is over, of so many batches. */
  const walked = async (request: RunRequest, count: number) => {
    const { runId } = await start(request)
    for (let n = 1; n < count; n++) await database.withTransaction(client => insertBatch(client, runId))
    await pool.query(
      `update kki.run set source_time = now(), window_until = now() - interval '1 minute' where id = $1`,
      [runId]
    )
    const { rows } = await pool.query<{ id: number }>(
      `update kki.batch set state = 'planned', fetched_at = now(), fetch_started_at = now() where run_id = $1 returning id`,
      [runId]
    )
    return { runId, batchIds: rows.map(({ id }) => id).sort((a, b) => a - b) }
  }
  const change = (client: Transaction, id: number, to: BatchChange) =>
    readBatch(client, id).then(batch => changeBatch(client, batch as Batch, to))
  /** Ends a batch like a job, and closes the run if it was the last batch. */
  const end = (runId: number, id: number, to: BatchChange) =>
    database.withTransaction(async client => {
      await change(client, id, to)
      await closeRun(client, runId)
    })
  const widen = (professions: string[] | null) =>
    database.withTransaction(async client =>
      writeSetting(client, { ...(await readSetting(client)), professions }, null, caller)
    )
  const isFinished = async (runId: number) =>
    (await pool.query('select from kki.run where id = $1 and finished_at is not null', [runId])).rowCount === 1
  return { database, pool, start, walked, change, end, widen, isFinished, position: () => readPosition(pool) }
}

test('a run is denied at once while a batch of an open run is applied, however long that takes', {
  timeout: 120_000
}, async t => {
  const { database, start } = await setUp(t)
  const { runId, batchIds } = await start({ mode: 'incremental' })
  await database.withTransaction(async applying => {
    await applying.query(`update kki.batch set fence = fence + 1 where id = $1`, [batchIds[0]])
    await closeRun(applying, runId)
    await assert.rejects(start({ mode: 'incremental' }), { name: 'RunOpen', runId })
  })
})

test('one run of each mode may be open, and runs of different modes proceed side by side', async t => {
  const { start } = await setUp(t)
  const window = { changedSince: new Date('2026-01-01'), changedUntil: new Date('2026-02-01') }
  for (const request of [{ mode: 'incremental' }, { mode: 'full' }, { mode: 'window', ...window }] as RunRequest[]) {
    const { runId } = await start(request)
    await assert.rejects(start({ ...request, professions: ['doctor'] }), { name: 'RunOpen', runId })
  }
})

test('of concurrent requests for one mode only one run starts', async t => {
  const { start } = await setUp(t)
  const asked = await Promise.allSettled(Array.from({ length: 6 }, () => start({ mode: 'full' })))
  assert.equal(asked.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const result of asked) if (result.status === 'rejected') assert.ok(result.reason instanceof RunOpen)
})

test('batches of a run that end at the same moment wait for each other, but not for ever', {
  timeout: 120_000
}, async t => {
  const { database, walked, change, isFinished } = await setUp(t)
  const { runId, batchIds } = await walked({ mode: 'full' }, 2)
  const end = async (client: Transaction, batchId: number) => {
    // As when a batch is applied: the fence first, its end last.
    await change(client, batchId, {})
    await change(client, batchId, { state: 'cancelled', finished_at: 'now' })
  }
  const closed = Promise.withResolvers<void>()
  const second = database.withTransaction(async other => {
    await database.withTransaction(async client => {
      await end(client, batchIds[0] as number)
      await end(other, batchIds[1] as number)
      await closeRun(client, runId)
      void closeRun(other, runId).then(closed.resolve, closed.reject)
    })
    await closed.promise
  })
  await second
  assert.equal(await isFinished(runId), true)
})

test('a run ends with the last of its batches, in any order, and a held one does not keep it open', async t => {
  const { walked, end, isFinished, position } = await setUp(t)
  const { runId, batchIds } = await walked({ mode: 'full' }, 3)
  const [first, second, third] = batchIds as [number, number, number]
  await end(runId, third, { state: 'applied', finished_at: 'now' })
  await end(runId, first, { state: 'held' })
  assert.equal(await isFinished(runId), false)
  await end(runId, second, { state: 'applied', finished_at: 'now' })
  assert.equal(await isFinished(runId), true)
  assert.equal(await position(), null, 'a batch of it is held')
  await end(runId, first, { state: 'applied', finished_at: 'now' })
  assert.notEqual(await position(), null)
})

for (const [description, last, moves] of [
  ['is applied', { state: 'applied' }, true],
  ['is discarded and counts as seen', { state: 'discarded', is_waived: true }, true],
  ['is discarded', { state: 'discarded' }, false],
  ['is superseded', { state: 'superseded' }, false],
  ['fails', { state: 'failed', error_code: 'TEST' }, false]
] as const) {
  test(`if the last batch of a run ${description}, the watermark ${moves ? 'moves' : 'stays'}`, async t => {
    const { walked, end, isFinished, position } = await setUp(t)
    const { runId, batchIds } = await walked({ mode: 'incremental' }, 2)
    await end(runId, batchIds[0] as number, { state: 'applied', finished_at: 'now' })
    if (last.state !== 'applied' && last.state !== 'failed') await end(runId, batchIds[1] as number, { state: 'held' })
    await end(runId, batchIds[1] as number, { ...last, finished_at: 'now' })
    assert.equal(await isFinished(runId), true)
    assert.equal((await position()) !== null, moves)
  })
}

test('a run ends without moving the watermark if a batch is undone before the last one is applied', async t => {
  const { walked, end, isFinished, position } = await setUp(t)
  const { runId, batchIds } = await walked({ mode: 'full' }, 2)
  await end(runId, batchIds[0] as number, { state: 'applied', finished_at: 'now' })
  await end(runId, batchIds[0] as number, { state: 'undone', undone_at: 'now' })
  await end(runId, batchIds[1] as number, { state: 'applied', finished_at: 'now' })
  assert.equal(await isFinished(runId), true)
  assert.equal(await position(), null)
})

test('a run over requested professions moves no watermark, and a run over the setting’s professions does', async t => {
  const { walked, end, widen, position } = await setUp(t)
  const asked = await walked({ mode: 'full', professions: ['doctor'] }, 1)
  await end(asked.runId, asked.batchIds[0] as number, { state: 'applied', finished_at: 'now' })
  assert.equal(await position(), null)
  await widen(['doctor', 'nurse'])
  const set = await walked({ mode: 'full' }, 1)
  await end(set.runId, set.batchIds[0] as number, { state: 'applied', finished_at: 'now' })
  assert.notEqual(await position(), null)
})

test('the watermark is forgotten if the setting names more professions, and stays if it names fewer', async t => {
  const { pool, walked, end, widen, position } = await setUp(t)
  await insertWatermark(pool, '-1 day')
  await widen(['doctor', 'nurse'])
  await widen(['doctor'])
  assert.notEqual(await position(), null)
  const { runId, batchIds } = await walked({ mode: 'full' }, 1)
  await widen(['doctor', 'nurse'])
  assert.equal(await position(), null)
  await end(runId, batchIds[0] as number, { state: 'applied', finished_at: 'now' })
  assert.equal(await position(), null, 'the run began before, and has not walked the nurses')
})

test('no run starts if the mapping has no profession of the setting', async t => {
  const { pool, start, widen } = await setUp(t)
  await widen(['conjurer'])
  await assert.rejects(start({ mode: 'full' }), /professions: the mapping has none of those that the setting names/)
  assert.equal((await pool.query('select from kki.run')).rowCount, 0)
  await widen(['conjurer', 'doctor'])
  const { batchIds } = await start({ mode: 'full' })
  const { rows } = await pool.query('select profession from kki.batch where id = $1', [batchIds[0]])
  assert.deepEqual(rows, [{ profession: 'doctor' }])
})

test('a cancelled run gets no further batch, also if its walk continues in another one', {
  timeout: 120_000
}, async t => {
  const { database, pool, start, change, isFinished } = await setUp(t)
  const { runId, batchIds } = await start({ mode: 'full' })
  await pool.query(`update kki.batch set state = 'fetching'`)
  const cancelling = await database.withTransaction(async client => {
    await change(client, batchIds[0] as number, { state: 'staged', fetched_at: 'now' })
    const cancelled = database.withTransaction(other => cancelRun(other, runId, caller))
    await untilWaits(pool)
    await insertBatch(client, runId)
    return { cancelled }
  })
  assert.equal(await cancelling.cancelled, 2)
  assert.equal(await isFinished(runId), true)
})

/** Waits until a session waits for another one's lock. */
async function untilWaits(pool: pg.Pool) {
  while ((await pool.query(`select from pg_locks where not granted`)).rowCount === 0);
}
