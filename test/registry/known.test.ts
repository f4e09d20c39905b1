import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { forgetOutdated } from '../../sidecar/registry/known.ts'
import { planBatch } from '../../sidecar/registry/plan.ts'
import { undoBatch } from '../../sidecar/registry/undo.ts'
import { warningCounts } from '../../sidecar/sync/metrics.ts'
import { candidate, createRegistry, planOptions, type Registry, stageRows } from './helpers.ts'

/** How many rows of a batch are mentioned alone, and how many are staged in full. */
async function staged({ pool }: Registry, batchId: number): Promise<[known: number, full: number]> {
  const { rows } = await pool.query(
    `select (select coalesce(sum(cardinality(row_nos)), 0)::bigint from kki.staged_known where batch_id = $1) as known,
      (select count(*) from kki.staged_row where batch_id = $1) as "full"`,
    [batchId]
  )
  return [rows[0].known, rows[0].full]
}

async function plan({ database, identity }: Registry, batchId: number) {
  return database.withTransaction(client => planBatch(client, batchId, identity, planOptions))
}

describe('rows that SDMK holds word for word', { concurrency: true }, () => {
  test('are mentioned and not staged, and count as unchanged', async t => {
    const registry = await createRegistry(t)
    const rows = [candidate(), candidate(), candidate()]
    await registry.apply(...rows)
    const again = await registry.apply(...rows, candidate())
    assert.deepEqual(await staged(registry, again.batchId), [3, 1])
    assert.equal(again.summary.unchanged, 3)
    assert.equal(again.summary.created, 1)
  })

  test('are staged in full where they have a problem or another content', async t => {
    const registry = await createRegistry(t)
    const ignoredNik = { code: 'NIK_INVALID', instancePath: '/nik', params: {} } as const
    const [plain, wrong, changed] = [candidate(), candidate(), candidate()]
    await registry.apply(plain, wrong, changed)
    const rows = [plain, { ...wrong, nik: null, problems: [ignoredNik] }, { ...changed, contentHash: 'ab'.repeat(16) }]
    await registry.apply(...rows)
    const { batchId, summary } = await registry.apply(...rows)
    assert.deepEqual(await staged(registry, batchId), [2, 1])
    assert.equal(summary.unchanged, 3)
  })

  test('say what they are warned of each time, those that are looked at after all as well', async t => {
    const registry = await createRegistry(t)
    const warned = candidate({ warnings: ['STR_FORMAT_UNKNOWN', 'NIK_SERIAL_ZERO'] })
    const repeated = candidate({ warnings: ['NIK_SERIAL_ZERO'] })
    const rows = [candidate(), warned, repeated]
    await registry.apply(...rows)
    const again = await registry.apply(...rows, { ...repeated, contentHash: 'ab'.repeat(16) })
    assert.deepEqual(await staged(registry, again.batchId), [2, 2])
    const { rows: counted } = await registry.pool.query(warningCounts, [again.batchId])
    assert.deepEqual(Object.fromEntries(counted.map(({ code, count }) => [code, count])), {
      STR_FORMAT_UNKNOWN: 1,
      NIK_SERIAL_ZERO: 3
    })
  })

  test('are read again where a byte of them is another, or the rules that read them, and are known from then on', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    const { strNumber, ...others } = row
    const reordered = { strNumber, ...others }
    const newRules = { ...planOptions, transform: Object.assign(planOptions.transform.bind(null), { version: 'new' }) }
    for (const again of [() => registry.apply(reordered), () => registry.applyWith(newRules, row)]) {
      const first = await again()
      assert.deepEqual(await staged(registry, first.batchId), [0, 1])
      assert.equal(first.summary.unchanged, 1)
      assert.deepEqual(await staged(registry, (await again()).batchId), [1, 0])
    }
  })

  test('are read again where the registry was taken back to what was there before them', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    const newer = { ...row, changedAt: '2026-02-01T00:00:00.000Z', contentHash: 'cd'.repeat(16) }
    const { batchId } = await registry.apply(newer)
    await registry.database.withTransaction(client => undoBatch(client, batchId, registry.identity, planOptions.asOf))
    const again = await registry.apply(newer)
    assert.deepEqual(await staged(registry, again.batchId), [0, 1])
    assert.equal(again.summary.updated, 1)
  })

  test('are forgotten once those that tell of nothing any more are many', async t => {
    const registry = await createRegistry(t)
    const [kept, changed] = [candidate(), candidate()]
    await registry.apply(kept, changed)
    await registry.apply({ ...changed, changedAt: '2026-02-01T00:00:00.000Z', contentHash: 'cd'.repeat(16) })
    const { pool } = registry
    assert.equal(await forgetOutdated(pool), 0, 'one is not many')
    await pool.query(
      `insert into kki.known_input (digest, registration_id, registration_version, batch_id)
      select gen_random_uuid(), r.id, r.version, 0 from sdmk.registration r, generate_series(1, 6000)`
    )
    await pool.query('analyze kki.known_input')
    assert.equal(await forgetOutdated(pool), 12_001)
    const { batchId } = await registry.apply(kept)
    assert.deepEqual(await staged(registry, batchId), [1, 0])
  })

  test('are looked at after all where the batch lists their STR a second time', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    const newer = { ...row, changedAt: '2026-02-01T00:00:00.000Z', contentHash: 'cd'.repeat(16) }
    const { batchId, outcomes } = await registry.apply(row, newer)
    assert.deepEqual(await staged(registry, batchId), [0, 2])
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['superseded', 'updated']
    )
  })

  test('are looked at after all where their registration moved before the plan, by another batch or an undo', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    const batchId = await stageRows(registry.database, registry.identity, [row])
    const newer = { ...row, changedAt: '2026-02-01T00:00:00.000Z', contentHash: 'cd'.repeat(16) }
    await registry.apply(newer)
    const { unchanged } = await plan(registry, batchId)
    assert.deepEqual(await staged(registry, batchId), [0, 1])
    assert.equal(unchanged, 1)
    const { rows } = await registry.pool.query('select warnings from kki.plan_row where batch_id = $1', [batchId])
    assert.deepEqual(rows, [{ warnings: ['STALE'] }])
  })

  test('are looked at after all where another one of their STR turns out to have moved: the one that counts, counts', async t => {
    const registry = await createRegistry(t)
    const active = candidate({ contentHash: 'aa'.repeat(16) })
    const revoked = { ...active, status: 'revoked', sourceStatus: 'DICABUT', contentHash: 'bb'.repeat(16) } as const
    await registry.apply(active)
    await registry.apply(revoked)
    const { batchId, outcomes } = await registry.apply(active, revoked)
    assert.deepEqual(await staged(registry, batchId), [0, 2])
    const { rows } = await registry.pool.query('select status from sdmk.registration')
    assert.deepEqual(
      [outcomes.map(({ outcome }) => outcome), rows],
      [['superseded', 'unchanged'], [{ status: 'revoked' }]]
    )
  })

  test('are looked at after all where an older ending of their STR comes as well, which is not urgent then', async t => {
    const registry = await createRegistry(t)
    const suspended = candidate({ status: 'suspended', sourceStatus: 'DIBEKUKAN' })
    const active = { ...suspended, status: 'active', sourceStatus: 'AKTIF' } as const
    const newer = { ...active, changedAt: '2026-02-01T00:00:00.000Z', contentHash: '22'.repeat(16) }
    await registry.apply({ ...active, changedAt: '2025-01-01T00:00:00.000Z', contentHash: '11'.repeat(16) })
    await registry.apply(suspended)
    await registry.apply(newer)
    const { outcomes } = await registry.apply(suspended, newer)
    const { rows } = await registry.pool.query('select code, urgent from kki.rejection')
    assert.deepEqual([outcomes.map(({ outcome }) => outcome), rows], [['superseded', 'unchanged'], []])
  })

  test('are looked at after all where a refused row of their STR waits, which they settle', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    await registry.apply({ ...row, nik: null, name: 'Orang Lain', nameKey: 'LAIN ORANG', contentHash: 'ef'.repeat(16) })
    const states = async () => (await registry.pool.query('select state from kki.rejection')).rows.map(r => r.state)
    assert.deepEqual(await states(), ['open'])
    const { batchId } = await registry.apply(row)
    assert.deepEqual(await staged(registry, batchId), [0, 1])
  })

  test('are refused where the mapping was changed since they came, and may be planned again', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    const batchId = await stageRows(registry.database, registry.identity, [row])
    await registry.pool.query('update sdmk.registration set version = version + 1000000')
    const refusing = () => ({
      ok: false as const,
      rejections: [
        { code: 'PROFESSION_UNKNOWN' as const, instancePath: '/profession', params: { reason: 'notListed' } }
      ],
      strNumber: row.strNumber,
      profession: null,
      urgent: false
    })
    const transform = { ...planOptions, transform: Object.assign(refusing, { version: 'other' }) }
    const refused = await registry.database.withTransaction(client =>
      planBatch(client, batchId, registry.identity, transform)
    )
    assert.deepEqual([refused.rejected, refused.unchanged], [1, 0])
    assert.equal((await plan(registry, batchId)).rejected, 1)
  })
})
