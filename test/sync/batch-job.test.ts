import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createQueue } from '../../sidecar/platform/queue.ts'
import { type BatchJob, queueBatchJob } from '../../sidecar/sync/batch-job.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

test('an approval waits for the job that planned the batch, and work on other batches does not', {
  timeout: 120_000
}, async t => {
  const { database, url } = await createTestDatabase(t)
  const queue = await createQueue({ url, shutdownTimeoutSeconds: 1 }, silent)
  t.after(() => queue.close())
  const send = (job: BatchJob) => database.withTransaction(client => queueBatchJob(client, queue, job))
  const planning = Promise.withResolvers<void>()
  const approved = Promise.withResolvers<void>()
  const begun: string[] = []
  await queue.work<BatchJob>(
    'kki-apply',
    async ({ data: { batchId, kind } }) => {
      begun.push(`${kind} ${batchId}`)
      if (kind === 'approved') approved.resolve()
      else if (batchId === 1) {
        const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: 'test' }
        await send({ kind: 'approved', batchId, approval: { planDigest: 'x', caller } })
        await send({ kind: 'apply', batchId: 2 })
        await planning.promise
      } else planning.resolve()
    },
    { concurrency: 3 }
  )
  await send({ kind: 'apply', batchId: 1 })
  await approved.promise
  assert.deepEqual(begun, ['apply 1', 'apply 2', 'approved 1'])
})
