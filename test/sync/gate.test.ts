import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type pg from 'pg'
import { planBatch } from '../../sidecar/registry/plan.ts'
import { type Batch, batchMoves, readBatch } from '../../sidecar/sync/batch.ts'
import { judgePlan } from '../../sidecar/sync/gate.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { applyRows, candidate, planOptions, stageRows, testIdentity } from '../registry/helpers.ts'

const later = { changedAt: '2026-03-01T00:00:00.000Z' }
const fresh = (row: Candidate, given: Partial<Candidate>): Candidate => ({
  ...row,
  ...later,
  contentHash: candidate().contentHash,
  ...given
})
const many = (count: number, given: Partial<Candidate> = {}) => Array.from({ length: count }, () => candidate(given))
const ended = (row: Candidate) => fresh(row, { status: 'revoked', sourceStatus: 'DICABUT' })

/** Frees the partition for the next batch of the test. */
const end = (client: pg.ClientBase | pg.Pool, batchId: number) =>
  client.query(`update kki.batch set state = 'cancelled' where id = $1`, [batchId])

async function setUp(t: TestContext) {
  const { database, pool } = await createTestDatabase(t)
  const identity = testIdentity()
  return {
    pool,
    load: async (rows: Candidate[]) => {
      const { batchId } = await applyRows(database, identity, rows, { kind: 'incremental' })
      await end(pool, batchId)
      await pool.query(
        `insert into kki.watermark (partition, position, batch_id) values ('*', now(), $1) on conflict do nothing`,
        [batchId]
      )
    },
    /** Plans the rows as an incremental batch and returns why it would be held. */
    judge: async (
      rows: Candidate[],
      { refused = 0, kind = 'incremental', ...given }: Partial<Batch> & { refused?: number; ratio?: number } = {}
    ) => {
      const batchId = await stageRows(database, identity, rows, kind)
      return database.withTransaction(async client => {
        const { digest: _, ...counts } = await planBatch(client, batchId, identity, planOptions)
        const batch = (await readBatch(client, batchId)) as Batch
        const judged = {
          ...batch,
          ...counts,
          fetched: rows.length + refused,
          rejected: counts.rejected + refused,
          ...given
        }
        const verdict = await judgePlan(client, judged, { rejectHoldRatio: given.ratio ?? null })
        await end(client, batchId)
        return verdict
      })
    }
  }
}

describe('the gate', { concurrency: true }, () => {
  test('lets 20 endings pass and holds 21', async t => {
    const { load, judge } = await setUp(t)
    const rows = many(40)
    await load(rows)
    assert.deepEqual((await judge(rows.slice(0, 20).map(ended))).reasons, [])
    const { reasons, numbers } = await judge(rows.slice(0, 21).map(ended))
    assert.deepEqual(reasons, ['DEACTIVATIONS'])
    assert.deepEqual(numbers.excesses, [
      { reason: 'DEACTIVATIONS', profession: '*', count: 21, limit: 20 },
      { reason: 'DEACTIVATIONS', profession: 'doctor', count: 21, limit: 20 }
    ])
  })

  test('allows 5 % of the known registrations from 1,000 rows on', async t => {
    const { load, judge } = await setUp(t)
    const rows = many(1000)
    await load(rows)
    const night = (endings: number) => rows.map((row, i) => (i < endings ? ended(row) : row))
    assert.deepEqual((await judge(night(50))).reasons, [])
    assert.deepEqual((await judge(night(51))).reasons, ['DEACTIVATIONS'])
    assert.deepEqual((await judge(night(21).slice(1))).reasons, [], '20 of 999')
    assert.deepEqual((await judge(night(22).slice(1))).reasons, ['DEACTIVATIONS'], '21 of 999')
  })

  test('finds the one profession that goes wrong among those that do not', async t => {
    const { load, judge } = await setUp(t)
    const doctors = many(1500)
    const dentists = many(30, { profession: 'dentist' })
    await load([...doctors, ...dentists])
    const { reasons, numbers } = await judge([...doctors, ...dentists.slice(0, 25).map(ended)])
    assert.deepEqual(reasons, ['DEACTIVATIONS'])
    assert.deepEqual(numbers.excesses, [{ reason: 'DEACTIVATIONS', profession: 'dentist', count: 25, limit: 20 }])
  })

  test('counts the other licences that a death ends', async t => {
    const { load, judge } = await setUp(t)
    const rows = many(11)
    const second = rows.map(row => fresh(row, { strNumber: candidate().strNumber, profession: 'dentist' }))
    await load([...rows, ...second])
    const dead = (row: Candidate) => fresh(row, { status: 'deceased', sourceStatus: 'MENINGGAL' })
    assert.deepEqual((await judge(rows.slice(0, 10).map(dead))).reasons, [], '10 people, 20 licences')
    assert.deepEqual((await judge(rows.map(dead))).reasons, ['DEACTIVATIONS'])
  })

  test('does not count an ending of what has ended', async t => {
    const { load, judge } = await setUp(t)
    const rows = many(30)
    await load(rows)
    await load(rows.map(ended))
    const again = rows.map(row => ({ ...ended(row), changedAt: '2026-04-01T00:00:00.000Z' }))
    assert.deepEqual((await judge(again)).reasons, [])
  })

  test('holds changed names and links, but not where the partition was never stored in full', async t => {
    const { load, judge, pool } = await setUp(t)
    const rows = many(30)
    await load(rows)
    const renamed = rows.map((row, i) =>
      fresh(row, { name: `Baru ${row.name}`, nameKey: `BARU${'ABCDEFGHIJ'[i % 10]} ${row.nameKey}` })
    )
    const renewed = rows.map(row => fresh(row, { strNumber: candidate().strNumber, issuedOn: '2025-01-01' }))
    assert.deepEqual((await judge(renamed)).reasons, ['NAMES_CHANGED'])
    assert.deepEqual((await judge(renewed)).reasons, ['LINKED'])
    await pool.query('delete from kki.watermark')
    assert.deepEqual((await judge(renamed)).reasons, [])
    assert.deepEqual((await judge(renewed)).reasons, [])
    assert.deepEqual((await judge(rows.map(ended))).reasons, ['DEACTIVATIONS'], 'endings are held all the same')
  })

  test('holds a batch of which nothing passed, from 20 rows on', async t => {
    const { judge } = await setUp(t)
    assert.deepEqual((await judge([], { refused: 19 })).reasons, [])
    assert.deepEqual((await judge([], { refused: 20 })).reasons, ['NOTHING_PASSED'])
    assert.deepEqual((await judge([candidate()], { refused: 19 })).reasons, [])
  })

  test('holds a batch of which over half cannot be read', async t => {
    const { judge } = await setUp(t)
    const rows = many(20)
    const unreadable = rows.map((row, i) => ({
      ...row,
      endingOnly: i < 11,
      problems: i < 11 ? [{ code: 'DATE_INVALID' as const, instancePath: '/x', params: {} }] : []
    }))
    assert.deepEqual((await judge(unreadable)).reasons, ['SCHEMA_CHANGED'])
    assert.deepEqual((await judge(unreadable.slice(1))).reasons, [], '19 rows')
    assert.deepEqual((await judge([...unreadable, ...many(2)])).reasons, [], '11 of 22')
  })

  test('holds an empty window only after seven that were not', async t => {
    const { judge, pool } = await setUp(t)
    const applied = async (fetched: number) => {
      const { rows } = await pool.query(
        `insert into kki.run (triggered_by, mode, actor, request_id, trace_id)
        values ('command', 'incremental', 'test', 'test', repeat('0', 32)) returning id`
      )
      await pool.query(
        `insert into kki.batch (run_id, kind, partition, trace_id, state, fetched, unchanged)
        values ($1, 'incremental', '*', repeat('0', 32), 'applied', $2, $2)`,
        [rows[0].id, fetched]
      )
    }
    await applied(0)
    for (let n = 0; n < 6; n++) await applied(3)
    assert.deepEqual((await judge([])).reasons, [])
    await applied(3)
    assert.deepEqual((await judge([])).reasons, ['EMPTY'])
    assert.deepEqual((await judge([], { kind: 'window' })).reasons, [], 'of a window nobody expects rows')
    await applied(0)
    assert.deepEqual((await judge([])).reasons, [])
  })

  test('holds on refused rows only where a ratio is set', async t => {
    const { judge } = await setUp(t)
    assert.deepEqual((await judge(many(70), { refused: 30 })).reasons, [])
    assert.deepEqual((await judge(many(70), { refused: 30, ratio: 0.3 })).reasons, [])
    assert.deepEqual((await judge(many(70), { refused: 30, ratio: 0.29 })).reasons, ['REJECT_RATIO'])
  })

  test('holds batches of people and of the calendar only where that was asked for', async t => {
    const { load, judge } = await setUp(t)
    const rows = many(40)
    await load(rows)
    for (const kind of ['retry', 'decision', 'clock', 'import'] as unknown as Batch['kind'][]) {
      assert.deepEqual((await judge(rows.map(ended), { kind })).reasons, [])
      assert.deepEqual((await judge(rows.map(ended), { kind, holdAsked: ['REQUESTED'] })).reasons, ['REQUESTED'])
    }
  })

  test('every state has its moves, and an ended batch has none but undoing', () => {
    assert.deepEqual(batchMoves.applied, ['undone'])
    for (const state of ['undone', 'failed', 'cancelled', 'discarded', 'superseded'] as const) {
      assert.deepEqual(batchMoves[state], [])
    }
  })
})
