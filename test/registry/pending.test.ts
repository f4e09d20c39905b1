import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JobQueue } from '../../sidecar/platform/queue.ts'
import { applyPlan } from '../../sidecar/registry/apply.ts'
import { findAffected } from '../../sidecar/registry/pending.ts'
import { planBatch } from '../../sidecar/registry/plan.ts'
import type { ReviewContext } from '../../sidecar/sync/open-rejections.ts'
import { reprocessAffected } from '../../sidecar/sync/reprocess.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { silent } from '../helpers/server.ts'
import { anyFeed } from './feeds.ts'
import { asCandidate, candidate, createRegistry, planOptions, type Registry, stageRows } from './helpers.ts'

test('pending deactivations are found if a batch brings their person or licence, also after its rows are dropped', async t => {
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
    const ids = await affectedBy(registry, brought.batchId)
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

test('a pending death is found if only a superseded row has the NIK of the person that a batch creates', async t => {
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
  const found = async () => (await affectedBy(registry, brought.batchId)).length
  assert.equal(await found(), 1)
  await registry.pool.query('select kki.drop_staging($1)', [brought.batchId])
  assert.equal(await found(), 1)
})

for (const kind of ['incremental', 'retry'] as const) {
  test(`a deactivation in a batch of kind ${kind}, planned before another brought its licence, is found once its own is applied`, async t => {
    const registry = await createRegistry(t)
    const { pool, database, identity } = registry
    const licence = candidate()
    const revoked = {
      ...licence,
      status: 'revoked',
      sourceStatus: 'DICABUT',
      contentHash: candidate().contentHash
    } as const
    const late = await stageRows(database, identity, [revoked], { kind })
    await database.withTransaction(client => planBatch(client, late, identity, planOptions))
    const brought = await registry.apply({ ...licence, changedAt: '2025-01-01T00:00:00.000Z' })
    await pool.query(`update kki.batch set state = 'applied', finished_at = now() where id = $1`, [brought.batchId])
    assert.deepEqual(await affectedBy(registry, brought.batchId), [])
    await database.withTransaction(client => applyPlan(client, late, identity, planOptions.asOf))
    assert.equal((await affectedBy(registry, late)).length, 1)
    await reprocessAll(registry, late)
    assert.deepEqual((await pool.query('select status from sdmk.registration')).rows, [{ status: 'revoked' }])
  })

  test(`a revocation in a batch of kind ${kind}, planned while the batch of its decision was open, is applied once its own is`, async t => {
    const registry = await createRegistry(t)
    const { pool, database, identity } = registry
    const stored = candidate()
    await registry.apply(stored)
    const row = (given: Partial<Candidate>) => ({
      ...stored,
      nik: '3171014502900777',
      name: 'Agus Salim',
      nameKey: 'AGUS SALIM',
      contentHash: candidate().contentHash,
      ...given
    })
    const conflict = row({ changedAt: '2026-02-01T00:00:00.000Z' })
    await registry.apply(conflict)
    const deciding = await stageRows(database, identity, [conflict], { kind: 'decision' })
    await pool.query(
      `insert into kki.decision (str_number, nik_digest, rejection_id, batch_id, decided_by)
      select $1, $2, id, $3, 'verifier' from kki.rejection`,
      [stored.strNumber, identity.digestNik('3171014502900777'), deciding]
    )
    const revoked = row({ changedAt: '2026-03-01T00:00:00.000Z', status: 'revoked', sourceStatus: 'DICABUT' })
    const late = await stageRows(database, identity, [revoked], { kind })
    await database.withTransaction(client => planBatch(client, late, identity, planOptions))
    await database.withTransaction(client => planBatch(client, deciding, identity, planOptions))
    await database.withTransaction(client => applyPlan(client, deciding, identity, planOptions.asOf))
    await pool.query(`update kki.batch set state = 'applied', finished_at = now() where id = $1`, [deciding])
    await reprocessAll(registry, deciding)
    await database.withTransaction(client => applyPlan(client, late, identity, planOptions.asOf))
    await reprocessAll(registry, late)
    assert.deepEqual((await pool.query('select status from sdmk.registration')).rows, [{ status: 'revoked' }])
  })
}

/** Plans and applies the last batch, and returns its id. */
async function applyLast({ database, pool, identity }: Registry): Promise<number> {
  const { rows } = await pool.query<{ id: number }>('select max(id) as id from kki.batch')
  const { id } = rows[0] as { id: number }
  await database.withTransaction(client => planBatch(client, id, identity, planOptions))
  await database.withTransaction(client => applyPlan(client, id, identity, planOptions.asOf))
  return id
}

function affectedBy({ database }: Registry, batchId: number): Promise<number[]> {
  return database.withTransaction(client => findAffected(client, batchId, { after: 0, limit: 1000 }))
}

/** What reprocesses, with a queue that keeps the portions that are to follow. */
function reprocessing({ database, identity }: Registry) {
  const portions: { after: number }[] = []
  const send = async (_: string, data: object) => {
    if ('after' in data) portions.push(data as { after: number })
    return 'job'
  }
  const context = { database, queue: { send } as unknown as JobQueue, logger: silent }
  const keys = { ...identity, under: () => identity }
  const review = {
    ...context,
    identity: keys,
    reader: { transform: asCandidate },
    maxSkewSeconds: 0
  } as unknown as ReviewContext
  const reprocess = (batchId: number, portion: { after: number; limit?: number } = { after: 0 }) =>
    reprocessAffected(context, review, batchId, portion)
  return { reprocess, portions }
}

/** Reprocesses rows that a batch affects, and rows that this affects in turn. */
async function reprocessAll(registry: Registry, first: number): Promise<void> {
  const { reprocess } = reprocessing(registry)
  let batchId = first
  for (let round = 0; (await affectedBy(registry, batchId)).length > 0; round++) {
    assert.ok(round < 5, 'it does not end')
    await reprocess(batchId)
    batchId = await applyLast(registry)
  }
}

test('a deactivation that was dismissed as of an unknown licence is applied once the licence comes', async t => {
  const registry = await createRegistry(t)
  const { pool } = registry
  const licence = candidate()
  await registry.apply({ ...licence, status: 'revoked', sourceStatus: 'DICABUT' })
  await pool.query(`update kki.rejection set state = 'dismissed', decided_at = now(), decided_by = 'verifier'`)
  const older = { ...licence, changedAt: '2025-01-01T00:00:00.000Z', contentHash: candidate().contentHash }
  const { batchId } = await registry.apply(older)
  await reprocessing(registry).reprocess(batchId)
  await applyLast(registry)
  const { rows } = await pool.query('select status from sdmk.registration')
  assert.deepEqual(rows, [{ status: 'revoked' }])
  const back = await registry.apply({
    ...licence,
    changedAt: '2026-05-01T00:00:00.000Z',
    contentHash: candidate().contentHash
  })
  assert.deepEqual(await affectedBy(registry, back.batchId), [], 'the row is settled')
})

test('a possible duplicate is no longer rejected once the known person has its NIK', async t => {
  const registry = await createRegistry(t)
  const { pool } = registry
  const known = candidate({ nik: null })
  await registry.apply(known)
  const nik = '3171014502900777'
  const same = { name: known.name, nameKey: known.nameKey, nik }
  const refused = await registry.apply(candidate(same))
  assert.deepEqual(refused.outcomes[0]?.codes, ['POSSIBLE_DUPLICATE'])
  const brought = await registry.apply({
    ...known,
    nik,
    changedAt: '2026-02-01T00:00:00.000Z',
    contentHash: candidate().contentHash
  })
  await reprocessing(registry).reprocess(brought.batchId)
  const again = await applyLast(registry)
  const { rows } = await pool.query('select code, state from kki.rejection')
  assert.deepEqual(rows, [{ code: 'POSSIBLE_DUPLICATE', state: 'cleared' }])
  assert.deepEqual(await affectedBy(registry, again), [])
})

test('a row that stays rejected is planned again once for each change, and not because of itself', async t => {
  const registry = await createRegistry(t)
  const stored = candidate()
  await registry.apply(stored)
  await registry.apply(candidate({ strNumber: stored.strNumber }))
  const changed = await registry.apply({
    ...stored,
    changedAt: '2026-02-01T00:00:00.000Z',
    contentHash: candidate().contentHash
  })
  assert.equal((await affectedBy(registry, changed.batchId)).length, 1)
  await reprocessing(registry).reprocess(changed.batchId)
  const again = await applyLast(registry)
  assert.notEqual(again, changed.batchId)
  const { rows } = await registry.pool.query('select code, state from kki.rejection')
  assert.deepEqual(rows, [{ code: 'IDENTITY_CONFLICT', state: 'open' }])
  assert.deepEqual(await affectedBy(registry, again), [])
})

test('the rejections that a batch may settle are reprocessed in portions, each once, whether they close or not', async t => {
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
  const { reprocess, portions } = reprocessing(registry)
  await reprocess(batchId, { after: 0, limit: 2 })
  assert.equal(portions.length, 1)
  await reprocess(batchId, { after: portions[0]?.after ?? 0, limit: 2 })
  assert.equal(portions.length, 1)
  const { rows } = await pool.query(
    `select fetched::int from kki.batch where kind = 'retry' and fetched > 0 and id > $1 order by id`,
    [batchId]
  )
  assert.deepEqual(rows, [{ fetched: 2 }, { fetched: 1 }])
})

test('two pending rows with one stamp do not reprocess each other for ever', async t => {
  const registry = await createRegistry(t)
  const stored = candidate()
  await registry.apply(stored)
  const renamed = { ...stored, name: 'Agus Salim', nameKey: 'AGUS SALIM', changedAt: '2026-02-01T00:00:00.000Z' }
  const { batchId } = await registry.apply(
    { ...renamed, province: 'Bali', contentHash: candidate().contentHash },
    { ...renamed, province: 'Aceh', contentHash: candidate().contentHash }
  )
  const { rows } = await registry.pool.query('select code, state, seen_count::int from kki.rejection')
  assert.deepEqual(rows, [{ code: 'NAME_DIFFERS', state: 'open', seen_count: 2 }])
  await reprocessAll(registry, batchId)
})

test('for any feed, reprocessing ends', async t => {
  const registry = await createRegistry(t)
  await fc.assert(
    fc.asyncProperty(anyFeed, async feed => {
      await registry.pool.query('select kki.drop_staging(id) from kki.batch')
      await registry.pool.query(
        'truncate sdmk.health_worker, sdmk.str_number, kki.run, kki.change restart identity cascade'
      )
      for (const rows of feed) {
        const { batchId } = await registry.apply(...rows)
        await reprocessAll(registry, batchId)
      }
    }),
    { numRuns: Number(process.env.TEST_PROPERTY_RUNS ?? 12) }
  )
})
