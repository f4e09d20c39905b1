import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { undoBatch } from '../../sidecar/registry/undo.ts'
import { warningCounts } from '../../sidecar/sync/metrics.ts'
import { candidate, createRegistry, decide, planOptions, type Registry } from './helpers.ts'

/** How many rows of a batch are counted as unchanged without being staged, and how many are staged. */
async function staged({ pool }: Registry, batchId: number): Promise<[unchanged: number, staged: number]> {
  const { rows } = await pool.query(
    `select (select coalesce(sum(cardinality(registration_ids)), 0)::bigint from kki.staged_unchanged where batch_id = $1) as unchanged,
      (select count(*) from kki.staged_row where batch_id = $1) as staged`,
    [batchId]
  )
  return [rows[0].unchanged, rows[0].staged]
}

const later = { changedAt: '2026-02-01T00:00:00.000Z', contentHash: 'cd'.repeat(16) }

describe('rows whose content SDMK already has', { concurrency: true }, () => {
  test('are counted as unchanged and not staged', async t => {
    const registry = await createRegistry(t)
    const rows = [candidate(), candidate({ nik: null }), candidate()]
    await registry.apply(...rows)
    const again = await registry.apply(...rows, candidate())
    assert.deepEqual(await staged(registry, again.batchId), [3, 1])
    assert.deepEqual([again.summary.unchanged, again.summary.created], [3, 1])
  })

  test('keep no page that has only such rows', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    const { batchId } = await registry.apply(row)
    const { rows } = await registry.pool.query('select from kki.staged_page where batch_id = $1', [batchId])
    assert.equal(rows.length, 0)
  })

  test('are staged if they have a problem, another content or the NIK of another person', async t => {
    const registry = await createRegistry(t)
    const ignoredNik = { code: 'NIK_INVALID', instancePath: '/nik', params: {} } as const
    const [plain, wrong, changed, other] = [candidate(), candidate(), candidate(), candidate()]
    await registry.apply(plain, wrong, changed, other)
    const { batchId } = await registry.apply(
      plain,
      { ...wrong, nik: null, problems: [ignoredNik] },
      { ...changed, ...later },
      { ...other, nik: candidate().nik }
    )
    assert.deepEqual(await staged(registry, batchId), [1, 3])
  })

  test('give a person a NIK that was not known, although nothing else has changed', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply({ ...row, nik: null })
    await registry.apply(row)
    const { rows } = await registry.pool.query('select nik_digest from sdmk.health_worker')
    assert.deepEqual(rows, [{ nik_digest: registry.identity.digestNik(row.nik as string) }])
    assert.deepEqual(await staged(registry, (await registry.apply(row)).batchId), [1, 0])
  })

  test('are unchanged under a former NIK of the person', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    const corrected = registry.identity.digestNik(candidate().nik as string)
    await registry.pool.query(
      `with former as (insert into sdmk.former_nik (health_worker_id, nik_digest, nik_sealed)
        select id, nik_digest, nik_sealed from sdmk.health_worker)
      update sdmk.health_worker set nik_digest = $1`,
      [corrected]
    )
    assert.deepEqual(await staged(registry, (await registry.apply(row)).batchId), [1, 0])
  })

  test('have their warnings counted each time', async t => {
    const registry = await createRegistry(t)
    const warned = candidate({ warnings: ['STR_FORMAT_UNKNOWN', 'NIK_SERIAL_ZERO'] })
    const rows = [candidate(), warned, candidate({ warnings: ['NIK_SERIAL_ZERO'] })]
    await registry.apply(...rows)
    const again = await registry.apply(...rows)
    assert.deepEqual(await staged(registry, again.batchId), [3, 0])
    const { rows: counted } = await registry.pool.query(warningCounts, [again.batchId])
    assert.deepEqual(Object.fromEntries(counted.map(({ code, count }) => [code, count])), {
      STR_FORMAT_UNKNOWN: 1,
      NIK_SERIAL_ZERO: 2
    })
  })

  test('do not hide another row of their STR, which is compared with the stored data', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    const { batchId, outcomes } = await registry.apply(row, { ...row, ...later })
    assert.deepEqual(await staged(registry, batchId), [1, 1])
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['unchanged', 'updated']
    )
  })

  test('do not let an active row with the same stamp override a revocation', async t => {
    const registry = await createRegistry(t)
    const active = candidate({ contentHash: 'aa'.repeat(16) })
    const revoked = { ...active, status: 'revoked', sourceStatus: 'DICABUT', contentHash: 'bb'.repeat(16) } as const
    await registry.apply(active)
    await registry.apply(active, revoked)
    await registry.apply(active, revoked)
    const { rows } = await registry.pool.query('select status from sdmk.registration')
    assert.deepEqual(rows, [{ status: 'revoked' }])
  })

  test('make an older deactivation next to them not urgent', async t => {
    const registry = await createRegistry(t)
    const suspended = candidate({ status: 'suspended', sourceStatus: 'DIBEKUKAN' })
    const active = { ...suspended, status: 'active', sourceStatus: 'AKTIF' } as const
    const newer = { ...active, ...later }
    await registry.apply({ ...active, changedAt: '2025-01-01T00:00:00.000Z', contentHash: '11'.repeat(16) })
    await registry.apply(suspended)
    await registry.apply(newer)
    await registry.apply(suspended, newer)
    const { rows } = await registry.pool.query('select code, urgent from kki.rejection')
    assert.deepEqual(rows, [])
    await registry.apply(suspended)
    const { rows: alone } = await registry.pool.query('select code, urgent from kki.rejection')
    assert.deepEqual(alone, [{ code: 'DEACTIVATION_STALE', urgent: true }], 'alone it is urgent')
  })

  test('are staged while a rejected row of their STR is pending, and settle it', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    await registry.apply({ ...row, nik: null, name: 'Orang Lain', nameKey: 'LAIN ORANG', contentHash: 'ef'.repeat(16) })
    const { rows } = await registry.pool.query('select state from kki.rejection')
    assert.deepEqual(rows, [{ state: 'open' }])
    assert.deepEqual(await staged(registry, (await registry.apply(row)).batchId), [0, 1])
  })

  test('are staged while a decision about their STR is in force', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    await decide(registry, row, null)
    assert.deepEqual(await staged(registry, (await registry.apply(row)).batchId), [0, 1])
  })

  test('are applied again after an undo', async t => {
    const registry = await createRegistry(t)
    const row = candidate()
    await registry.apply(row)
    const newer = { ...row, ...later }
    const { batchId } = await registry.apply(newer)
    await registry.database.withTransaction(client => undoBatch(client, batchId, registry.identity, planOptions.asOf))
    const again = await registry.apply(newer)
    assert.deepEqual(await staged(registry, again.batchId), [0, 1])
    assert.equal(again.summary.updated, 1)
  })
})
