import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type pg from 'pg'
import type { JobQueue } from '../../sidecar/platform/queue.ts'
import { createTraceId } from '../../sidecar/platform/trace-context.ts'
import { type Batch, changeBatch, readBatch } from '../../sidecar/sync/batch.ts'
import { closeRun } from '../../sidecar/sync/close-run.ts'
import { PartitionBusy } from '../../sidecar/sync/errors.ts'
import { loadMapping } from '../../sidecar/sync/mapping-file.ts'
import { createRun, type RunRequest } from '../../sidecar/sync/run.ts'
import { ensureSetting } from '../../sidecar/sync/settings.ts'
import { createTestDatabase } from '../helpers/database.ts'

const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: createTraceId() }
const queue = { send: async () => 'job' } as unknown as JobQueue

async function setUp(t: TestContext) {
  const { database } = await createTestDatabase(t)
  await ensureSetting(database.pool, '0 2 * * *')
  const mapping = await loadMapping(new URL('../../contracts/kki-mapping.json', import.meta.url).pathname)
  const start = (request: RunRequest) =>
    database.withTransaction(client => createRun(client, queue, mapping, request, { triggeredBy: 'api', caller }))
  return { database, start }
}

test('a run is refused at once while a batch of its partition is being applied, however long that takes', {
  timeout: 120_000
}, async t => {
  const { database, start } = await setUp(t)
  const { batchIds } = await start({ mode: 'incremental' })
  await database.withTransaction(async applying => {
    await applying.query(`update kki.batch set fence = fence + 1 where id = $1`, [batchIds[0]])
    await assert.rejects(start({ mode: 'incremental' }), PartitionBusy)
  })
})

test('batches of a run that end at the same moment wait for each other and not for ever', {
  timeout: 120_000
}, async t => {
  const { database, start } = await setUp(t)
  const { runId, batchIds } = await start({ mode: 'full', professions: ['doctor', 'nurse'] })
  const end = async (client: pg.PoolClient, batchId: number | undefined) => {
    const batch = (await readBatch(client, batchId as number)) as Batch
    // As when a batch is applied: the fence first, its end last.
    await changeBatch(client, batch, {})
    await changeBatch(client, batch, { state: 'cancelled', finished_at: 'now' })
  }
  const closed = Promise.withResolvers<void>()
  const second = database.withTransaction(async other => {
    await database.withTransaction(async client => {
      await end(client, batchIds[0])
      await end(other, batchIds[1])
      await closeRun(client, runId)
      void closeRun(other, runId).then(closed.resolve, closed.reject)
    })
    await closed.promise
  })
  await second
  const { rows } = await database.pool.query('select finished_at is not null as "isFinished" from kki.run')
  assert.deepEqual(rows, [{ isFinished: true }])
})
