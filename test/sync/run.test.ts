import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobQueue } from '../../sidecar/platform/queue.ts'
import { createTraceId } from '../../sidecar/platform/trace-context.ts'
import { PartitionBusy } from '../../sidecar/sync/errors.ts'
import { loadMapping } from '../../sidecar/sync/mapping-file.ts'
import { createRun } from '../../sidecar/sync/run.ts'
import { ensureSetting } from '../../sidecar/sync/settings.ts'
import { createTestDatabase } from '../helpers/database.ts'

const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: createTraceId() }
const queue = { send: async () => 'job' } as unknown as JobQueue

test('a run is refused at once while a batch of its partition is being applied, however long that takes', {
  timeout: 60_000
}, async t => {
  const { database } = await createTestDatabase(t)
  await ensureSetting(database.pool, '0 2 * * *')
  const mapping = await loadMapping(new URL('../../contracts/kki-mapping.json', import.meta.url).pathname)
  const start = () =>
    database.withTransaction(client =>
      createRun(client, queue, mapping, { mode: 'incremental' }, { triggeredBy: 'api', caller })
    )
  const { batchIds } = await start()
  await database.withTransaction(async applying => {
    await applying.query(`update kki.batch set fence = fence + 1 where id = $1`, [batchIds[0]])
    await assert.rejects(start(), PartitionBusy)
  })
})
