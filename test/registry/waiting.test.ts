import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobQueue } from '../../sidecar/platform/queue.ts'
import { findNowKnown } from '../../sidecar/registry/waiting.ts'
import type { DeskContext } from '../../sidecar/sync/open-rejections.ts'
import { takeUpNowKnown } from '../../sidecar/sync/settle.ts'
import { silent } from '../helpers/server.ts'
import { candidate, createRegistry, planOptions, type Registry } from './helpers.ts'

test('refused endings are found of which a batch brings the person or the licence, whether its rows are still there or not', async t => {
  const registry = await createRegistry(t)
  const [person, licence, known] = [candidate(), candidate(), candidate()]
  await registry.apply(known)
  const ended = { status: 'revoked', sourceStatus: 'DICABUT' } as const
  const strangers = Array.from({ length: 4 }, () => candidate(ended))
  const refused = await registry.apply(
    { ...person, ...ended, strNumber: 'EQ90000000000001' },
    { ...licence, ...ended, nik: null },
    ...strangers
  )
  assert.equal(refused.summary.rejected, 6)
  const older = { changedAt: '2025-01-01T00:00:00.000Z' }
  const brought = await registry.apply(
    { ...person, ...older, contentHash: 'aa'.repeat(16) },
    { ...licence, ...older, contentHash: 'bb'.repeat(16) },
    candidate(),
    candidate({ nik: known.nik, name: known.name, nameKey: known.nameKey })
  )
  assert.deepEqual([brought.summary.created, brought.summary.linked], [3, 1])
  const found = async () => {
    const ids = await registry.database.withTransaction(client => findNowKnown(client, brought.batchId))
    const { rows } = await registry.pool.query(
      'select subject from kki.rejection where id = any ($1) order by subject',
      [ids]
    )
    return rows.map(({ subject }) => subject)
  }
  const expected = [licence.strNumber, 'EQ90000000000001']
  assert.deepEqual(await found(), expected)
  await registry.pool.query('select kki.drop_staging($1)', [brought.batchId])
  assert.deepEqual(await found(), expected)
})

test('a refused death is found where the NIK of whom a batch creates stands in a superseded row alone', async t => {
  const registry = await createRegistry(t)
  const newer = candidate()
  const ended = { status: 'deceased', sourceStatus: 'MENINGGAL' } as const
  const refused = await registry.apply({ ...newer, ...ended, strNumber: 'EQ90000000000001' })
  assert.equal(refused.summary.rejected, 1)
  const older = { ...newer, changedAt: '2025-01-01T00:00:00.000Z', contentHash: 'bb'.repeat(16) }
  const brought = await registry.apply({ ...newer, nik: null }, older)
  assert.deepEqual(
    brought.outcomes.map(({ outcome }) => outcome),
    ['created', 'superseded']
  )
  const found = async () => {
    const ids = await registry.database.withTransaction(client => findNowKnown(client, brought.batchId))
    return ids.length
  }
  assert.equal(await found(), 1)
  await registry.pool.query('select kki.drop_staging($1)', [brought.batchId])
  assert.equal(await found(), 1)
})

/** What takes up, with a queue that keeps the portions that are to follow. */
function takingUp({ database, identity }: Registry) {
  const portions: { after: number }[] = []
  const send = async (_: string, data: object) => {
    if ('after' in data) portions.push(data as { after: number })
    return 'job'
  }
  const context = { database, queue: { send } as unknown as JobQueue, logger: silent }
  const keys = { ...identity, under: () => identity }
  const { transform } = planOptions
  const desk = { ...context, identity: keys, transform, maxSkewSeconds: 0 } as unknown as DeskContext
  const takeUp = (batchId: number, portion: { after?: number | undefined; limit?: number } = {}) =>
    takeUpNowKnown(context, desk, batchId, portion)
  return { takeUp, portions }
}

test('an ending that was dismissed while it was of nobody known is open again, with an audit event, once its licence comes', async t => {
  const registry = await createRegistry(t)
  const licence = candidate()
  await registry.apply({ ...licence, status: 'revoked', sourceStatus: 'DICABUT' })
  await registry.pool.query(`update kki.rejection set state = 'dismissed', decided_at = now(), decided_by = 'verifier'`)
  const older = { ...licence, changedAt: '2025-01-01T00:00:00.000Z', contentHash: candidate().contentHash }
  const { batchId } = await registry.apply(older)
  await takingUp(registry).takeUp(batchId)
  const { rows } = await registry.pool.query('select id, state, decided_by from kki.rejection')
  assert.deepEqual(
    rows.map(({ state, decided_by }) => [state, decided_by]),
    [['open', null]]
  )
  const { rows: events } = await registry.pool.query(
    `select detail from kki.audit_event where action = 'rejection.reopened'`
  )
  assert.deepEqual(events, [{ detail: { rejectionIds: [rows[0].id] } }])
  const { rows: retries } = await registry.pool.query('select fetched::int from kki.batch where id > $1', [batchId])
  assert.deepEqual(retries, [{ fetched: 1 }])
})

test('what a batch brought is taken up in portions, each rejection once, whether it heals or not', async t => {
  const registry = await createRegistry(t)
  const { pool } = registry
  const ended = { status: 'revoked', sourceStatus: 'DICABUT' } as const
  const licences = Array.from({ length: 3 }, () => candidate())
  await registry.apply(...licences.map(row => ({ ...row, ...ended })))
  const older = licences.map(row => ({
    ...row,
    changedAt: '2025-01-01T00:00:00.000Z',
    contentHash: candidate().contentHash
  }))
  const { batchId } = await registry.apply(...older)
  const { takeUp, portions } = takingUp(registry)
  await takeUp(batchId, { limit: 2 })
  assert.equal(portions.length, 1)
  await takeUp(batchId, { after: portions[0]?.after, limit: 2 })
  assert.equal(portions.length, 1)
  const { rows } = await pool.query(
    `select fetched::int from kki.batch where kind = 'retry' and fetched > 0 and id > $1 order by id`,
    [batchId]
  )
  assert.deepEqual(rows, [{ fetched: 2 }, { fetched: 1 }])
})
