import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type pg from 'pg'
import { planBatch } from '../../sidecar/registry/plan.ts'
import { type Batch, batchMoves, readBatch } from '../../sidecar/sync/batch.ts'
import { evaluatePlan } from '../../sidecar/sync/gate.ts'
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

/** Ends a batch and the others of its run, so that none of the test is under way. */
const end = (client: pg.ClientBase | pg.Pool, batchId: number) =>
  client.query(`update kki.batch set state = 'cancelled' where run_id = (select run_id from kki.batch where id = $1)`, [
    batchId
  ])

interface Evaluated extends Partial<Batch> {
  refused?: number
  ratio?: number
  others?: { state: string; fetched?: number; effects?: Record<string, unknown> }[]
}

async function setUp(t: TestContext) {
  const { database, pool } = await createTestDatabase(t)
  const identity = testIdentity()
  return {
    pool,
    load: async (rows: Candidate[]) => {
      const { batchId } = await applyRows(database, identity, rows, { kind: 'incremental' })
      await end(pool, batchId)
      await pool.query(`insert into kki.watermark (integration, position) values ('kki', now()) on conflict do nothing`)
    },
    /** Plans the rows as an incremental batch and returns why it would be held; `others` are batches of the same run. */
    evaluate: async (
      rows: Candidate[],
      { refused = 0, kind = 'incremental', others = [], ...given }: Evaluated = {}
    ) => {
      const batchId = await stageRows(database, identity, rows, { kind })
      return database.withTransaction(async client => {
        for (const { state, fetched, effects } of others) {
          await client.query(
            `insert into kki.batch (run_id, kind, trace_id, state, fetched, unchanged, effects, fetched_at)
            select run_id, kind, trace_id, $2, $3::int, case when $2 = 'applied' then $3::int else 0 end, $4,
              case when $2 <> 'queued' then now() end
            from kki.batch where id = $1`,
            [batchId, state, fetched ?? 0, effects && JSON.stringify(effects)]
          )
        }
        const { digest: _, ...counts } = await planBatch(client, batchId, identity, planOptions)
        const batch = (await readBatch(client, batchId)) as Batch
        const judged = {
          ...batch,
          ...counts,
          fetched: rows.length + refused,
          rejected: counts.rejected + refused,
          ...given
        }
        const verdict = await evaluatePlan(client, judged, { rejectHoldRatio: given.ratio ?? null })
        await end(client, batchId)
        return verdict
      })
    }
  }
}

describe('the gate', { concurrency: true }, () => {
  test('lets 20 deactivations pass and holds 21', async t => {
    const { load, evaluate } = await setUp(t)
    const rows = many(40)
    await load(rows)
    assert.deepEqual((await evaluate(rows.slice(0, 20).map(ended))).reasons, [])
    const { reasons, excesses } = await evaluate(rows.slice(0, 21).map(ended))
    assert.deepEqual(reasons, ['DEACTIVATIONS'])
    assert.deepEqual(excesses, [
      { reason: 'DEACTIVATIONS', profession: 'doctor', count: 21, limit: 20 },
      { reason: 'DEACTIVATIONS', profession: '*', count: 21, limit: 20 }
    ])
  })

  test('allows 5 % of the known registrations from 1,000 rows on', async t => {
    const { load, evaluate } = await setUp(t)
    const rows = many(1000)
    await load(rows)
    const night = (endings: number) => rows.map((row, i) => (i < endings ? ended(row) : row))
    assert.deepEqual((await evaluate(night(50))).reasons, [])
    assert.deepEqual((await evaluate(night(51))).reasons, ['DEACTIVATIONS'])
    assert.deepEqual((await evaluate(night(21).slice(1))).reasons, [], '20 of 999')
    assert.deepEqual((await evaluate(night(22).slice(1))).reasons, ['DEACTIVATIONS'], '21 of 999')
  })

  test('finds the one harmful profession among harmless ones', async t => {
    const { load, evaluate } = await setUp(t)
    const doctors = many(1500)
    const dentists = many(30, { profession: 'dentist' })
    await load([...doctors, ...dentists])
    const { reasons, excesses } = await evaluate([...doctors, ...dentists.slice(0, 25).map(ended)])
    assert.deepEqual(reasons, ['DEACTIVATIONS'])
    assert.deepEqual(excesses, [{ reason: 'DEACTIVATIONS', profession: 'dentist', count: 25, limit: 20 }])
  })

  test('counts the other licences that a death deactivates', async t => {
    const { load, evaluate } = await setUp(t)
    const rows = many(11)
    const second = rows.map(row => fresh(row, { strNumber: candidate().strNumber, profession: 'dentist' }))
    await load([...rows, ...second])
    const dead = (row: Candidate) => fresh(row, { status: 'deceased', sourceStatus: 'MENINGGAL' })
    assert.deepEqual((await evaluate(rows.slice(0, 10).map(dead))).reasons, [], '10 people, 20 licences')
    assert.deepEqual((await evaluate(rows.map(dead))).reasons, ['DEACTIVATIONS'])
  })

  test('does not count a deactivation of an inactive licence', async t => {
    const { load, evaluate } = await setUp(t)
    const rows = many(30)
    await load(rows)
    await load(rows.map(ended))
    const again = rows.map(row => ({ ...ended(row), changedAt: '2026-04-01T00:00:00.000Z' }))
    assert.deepEqual((await evaluate(again)).reasons, [])
  })

  test('adds the effects of the run’s other batches, so that no harm passes in pieces', async t => {
    const { load, evaluate } = await setUp(t)
    const rows = many(40)
    await load(rows)
    const effects = (profession: string, deactivations: number) => ({
      [profession]: { deactivations, namesChanged: 0, linked: 0, rows: 100, known: 100 }
    })
    const evaluateWith = async (own: number, ...others: NonNullable<Evaluated['others']>) => {
      const { reasons, excesses } = await evaluate(rows.slice(0, own).map(ended), { others })
      return [reasons, excesses.map(e => [e.profession, e.count])]
    }
    const applied = { state: 'applied', effects: effects('doctor', 15) }
    assert.deepEqual(await evaluateWith(5, applied), [[], []])
    assert.deepEqual(await evaluateWith(6, applied), [
      ['DEACTIVATIONS'],
      [
        ['doctor', 21],
        ['*', 21]
      ]
    ])
    assert.deepEqual(await evaluateWith(6, { state: 'planned', effects: effects('nurse', 15) }), [
      ['DEACTIVATIONS'],
      [['*', 21]]
    ])
    assert.deepEqual(await evaluateWith(6, { state: 'held', effects: effects('doctor', 15) }), [[], []])
    assert.deepEqual(await evaluateWith(6, { state: 'discarded', effects: effects('doctor', 15) }), [[], []])
    assert.deepEqual((await evaluate(rows, { others: [{ ...applied, effects: effects('doctor', 30) }] })).reasons, [])
  })

  test('holds changed names and links, but not before everything was stored once', async t => {
    const { load, evaluate, pool } = await setUp(t)
    const rows = many(30)
    await load(rows)
    const renamed = rows.map((row, i) =>
      fresh(row, { name: `Baru ${row.name}`, nameKey: `BARU${'ABCDEFGHIJ'[i % 10]} ${row.nameKey}` })
    )
    const renewed = rows.map(row => fresh(row, { strNumber: candidate().strNumber, issuedOn: '2025-01-01' }))
    assert.deepEqual((await evaluate(renamed)).reasons, ['NAMES_CHANGED'])
    assert.deepEqual((await evaluate(renewed)).reasons, ['LINKED'])
    await pool.query('delete from kki.watermark')
    assert.deepEqual((await evaluate(renamed)).reasons, [])
    assert.deepEqual((await evaluate(renewed)).reasons, [])
    assert.deepEqual((await evaluate(rows.map(ended))).reasons, ['DEACTIVATIONS'], 'deactivations are held anyway')
  })

  test('holds a batch with only rejected rows, from 20 rows on', async t => {
    const { evaluate } = await setUp(t)
    assert.deepEqual((await evaluate([], { refused: 19 })).reasons, [])
    assert.deepEqual((await evaluate([], { refused: 20 })).reasons, ['NOTHING_PASSED'])
    assert.deepEqual((await evaluate([candidate()], { refused: 19 })).reasons, [])
  })

  test('holds a batch if over half of its rows cannot be read', async t => {
    const { evaluate } = await setUp(t)
    const rows = many(20)
    const unreadable = rows.map((row, i) => ({
      ...row,
      deactivationOnly: i < 11,
      problems: i < 11 ? [{ code: 'DATE_INVALID' as const, instancePath: '/x', params: {} }] : []
    }))
    assert.deepEqual((await evaluate(unreadable)).reasons, ['SCHEMA_CHANGED'])
    assert.deepEqual((await evaluate(unreadable.slice(1))).reasons, [], '19 rows')
    assert.deepEqual((await evaluate([...unreadable, ...many(2)])).reasons, [], '11 of 22')
  })

  test('holds an empty window only after seven windows with rows', async t => {
    const { evaluate, pool } = await setUp(t)
    const applied = async (fetched: number) => {
      const { rows } = await pool.query(
        `insert into kki.run (triggered_by, mode, actor, request_id, trace_id, finished_at)
        values ('command', 'incremental', 'test', 'test', repeat('0', 32), now()) returning id`
      )
      await pool.query(
        `insert into kki.batch (run_id, kind, trace_id, state, fetched, unchanged)
        values ($1, 'incremental', repeat('0', 32), 'applied', $2, $2)`,
        [rows[0].id, fetched]
      )
    }
    await applied(0)
    for (let n = 0; n < 6; n++) await applied(3)
    assert.deepEqual((await evaluate([])).reasons, [])
    await applied(3)
    assert.deepEqual((await evaluate([])).reasons, ['EMPTY'])
    const nothing = { state: 'applied' }
    assert.deepEqual(
      (await evaluate([], { others: [nothing, nothing] })).reasons,
      ['EMPTY'],
      'nor had other professions'
    )
    assert.deepEqual((await evaluate([], { others: [nothing, { state: 'queued' }] })).reasons, [], 'another comes')
    assert.deepEqual((await evaluate([], { others: [nothing, { state: 'applied', fetched: 1 }] })).reasons, [])
    assert.deepEqual((await evaluate([], { kind: 'window' })).reasons, [], 'of a window nobody expects rows')
    await applied(0)
    assert.deepEqual((await evaluate([])).reasons, [])
  })

  test('holds because of rejected rows only if a ratio is set', async t => {
    const { evaluate } = await setUp(t)
    assert.deepEqual((await evaluate(many(70), { refused: 30 })).reasons, [])
    assert.deepEqual((await evaluate(many(70), { refused: 30, ratio: 0.3 })).reasons, [])
    assert.deepEqual((await evaluate(many(70), { refused: 30, ratio: 0.29 })).reasons, ['REJECT_RATIO'])
  })

  test('holds batches of people and of the daily expiry only on request', async t => {
    const { load, evaluate } = await setUp(t)
    const rows = many(40)
    await load(rows)
    for (const kind of ['retry', 'decision', 'clock', 'import'] as unknown as Batch['kind'][]) {
      assert.deepEqual((await evaluate(rows.map(ended), { kind })).reasons, [])
      assert.deepEqual((await evaluate(rows.map(ended), { kind, holdAsked: ['REQUESTED'] })).reasons, ['REQUESTED'])
    }
  })

  test('every state has its moves, and an ended batch has none but undoing', () => {
    assert.deepEqual(batchMoves.applied, ['undone'])
    for (const state of ['undone', 'failed', 'cancelled', 'discarded', 'superseded'] as const) {
      assert.deepEqual(batchMoves[state], [])
    }
  })
})
