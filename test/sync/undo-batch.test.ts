import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createQueue } from '../../sidecar/platform/queue.ts'
import { createTraceId } from '../../sidecar/platform/trace-context.ts'
import { approveBatch } from '../../sidecar/sync/approve.ts'
import { orderUndo } from '../../sidecar/sync/undo-batch.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

test('an order to undo a batch is queued also after two approvals', async t => {
  const { database, pool, url } = await createTestDatabase(t)
  const queue = await createQueue({ url, shutdownTimeoutSeconds: 1 }, silent)
  t.after(() => queue.close())
  const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: createTraceId() }
  const { rows } = await pool.query(
    `with r as (insert into kki.run (triggered_by, mode, actor, request_id, trace_id)
      values ('api', 'incremental', 'test', 'test', $1) returning id, trace_id)
    insert into kki.batch (run_id, kind, trace_id, state, plan_digest, as_of, planned_at, fetched_at)
    select id, 'incremental', trace_id, 'held', 'x', current_date, now(), now() from r returning id`,
    [caller.traceId]
  )
  const id = rows[0].id
  const approve = () => database.withTransaction(client => approveBatch(client, queue, id, { planDigest: 'x', caller }))
  await approve()
  // A worker takes the first, and applies the batch; the second press comes while it does, and all workers are busy.
  await pool.query(`update pgboss.job set state = 'active' where name = 'kki-apply'`)
  await approve()
  await pool.query(`update pgboss.job set state = 'completed' where name = 'kki-apply' and state = 'active'`)
  await pool.query(`update kki.batch set state = 'applied', finished_at = now() where id = $1`, [id])
  await database.withTransaction(client => orderUndo(client, queue, id, { reason: 'wrong', caller }))
  const jobs = await pool.query(`select data from pgboss.job where name = 'kki-apply' and state = 'created'`)
  assert.ok(
    jobs.rows.some(({ data }) => data.undo),
    JSON.stringify(jobs.rows)
  )
})
