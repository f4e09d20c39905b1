import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createTraceId } from '../../sidecar/platform/trace-context.ts'
import { moveWatermark } from '../../sidecar/sync/move-watermark.ts'
import { advanceWatermark, readWatermark } from '../../sidecar/sync/watermark.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { insertWatermark, readPosition } from './watermark.ts'

const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: createTraceId() }
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000)

async function setUp(t: TestContext, distance: string | null) {
  const { database, pool } = await createTestDatabase(t)
  if (distance !== null) await insertWatermark(pool, distance)
  const { rows } = await pool.query<{ id: number }>(
    `insert into kki.run (triggered_by, mode, actor, request_id, trace_id, finished_at)
    values ('api', 'full', 'test', 'test', repeat('0', 32), now()) returning id`
  )
  const runId = rows[0]?.id as number
  /** Moves the watermark as a run does that has walked from one day to another. */
  const walk = (windowSince: Date | null, windowUntil: Date | null, sourceTime = new Date()) =>
    database.withTransaction(client => advanceWatermark(client, { runId, windowSince, windowUntil, sourceTime }))
  const move = (days: number, order: { skipGap?: boolean } = {}) => {
    const position = daysAgo(days)
    return database
      .withTransaction(client => moveWatermark(client, { position, reason: 'a test', ...order }, caller))
      .then(moved => ({ time: position.toISOString(), moved }))
  }
  const audited = async () => (await pool.query('select detail from kki.audit_event')).rows.map(({ detail }) => detail)
  return { pool, runId, walk, move, audited, position: () => readPosition(pool) }
}

test('the watermark moves to the end of a window that begins before it, and names the run', async t => {
  const { pool, runId, walk, position } = await setUp(t, '-5 days')
  const until = daysAgo(1)
  await walk(daysAgo(6), until)
  assert.equal(await position(), until.toISOString())
  assert.equal((await readWatermark(pool))?.runId, runId)
})

test('only a walk without a beginning sets the first watermark', async t => {
  const { walk, position } = await setUp(t, null)
  await walk(daysAgo(6), daysAgo(1))
  assert.equal(await position(), null)
  const until = daysAgo(2)
  await walk(null, until)
  assert.equal(await position(), until.toISOString())
})

test('the watermark moves no further than the time of the request to KKI', async t => {
  const { walk, position } = await setUp(t, '-5 days')
  const asked = daysAgo(3)
  await walk(daysAgo(6), daysAgo(1), asked)
  assert.equal(await position(), asked.toISOString())
})

test('the watermark does not move without a window, backwards, or over a gap', async t => {
  const { walk, position } = await setUp(t, '-5 days')
  const before = await position()
  await walk(null, null)
  await walk(daysAgo(10), daysAgo(6))
  await walk(daysAgo(4), daysAgo(1))
  assert.equal(await position(), before)
})

test('a walk without a beginning replaces a watermark in the future', async t => {
  const { walk, position } = await setUp(t, '1 year')
  const before = await position()
  await walk(daysAgo(10), daysAgo(2))
  assert.equal(await position(), before, 'what lies before the window is not known to be stored')
  const until = daysAgo(1)
  await walk(null, until)
  assert.equal(await position(), until.toISOString())
})

test('a watermark in the future can be set back to a time', async t => {
  const { pool, move, audited, position } = await setUp(t, '1 year')
  const before = await position()
  const { time } = await move(3)
  assert.equal(await position(), time)
  const watermark = await readWatermark(pool)
  assert.deepEqual([watermark?.isAhead, watermark?.runId], [false, null])
  assert.deepEqual(await audited(), [{ reason: 'a test', skipGap: false, from: before, to: time }])
})

test('the watermark moves forward only if the gap is named, and never past the present', async t => {
  const { move, audited, position } = await setUp(t, '-10 days')
  const before = await position()
  await assert.rejects(move(-1), /time: must not be in the future/)
  await assert.rejects(move(-1, { skipGap: true }), /time: must not be in the future/)
  await assert.rejects(move(3), /time: is later than the watermark, which is \S+Z; .*Add --skip-gap/)
  assert.equal(await position(), before)
  assert.deepEqual(await audited(), [])

  const { time } = await move(3, { skipGap: true })
  assert.equal(await position(), time)
  assert.equal((await audited())[0].skipGap, true)
})

test('without a watermark nothing can be set back', async t => {
  const { move } = await setUp(t, null)
  await assert.rejects(move(1), /there is no watermark yet; the first run fetches everything/)
})
