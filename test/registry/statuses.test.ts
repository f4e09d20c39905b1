import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { applyPlan, isLostRace } from '../../sidecar/registry/apply.ts'
import { planBatch } from '../../sidecar/registry/plan.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { candidate, createRegistry, planOptions as options, stageRows } from './helpers.ts'

const fresh = (row: Candidate, given: Partial<Candidate>): Candidate => ({
  ...row,
  contentHash: candidate().contentHash,
  ...given
})
const renewed = (row: Candidate, given: Partial<Candidate> = {}) =>
  fresh(row, { strNumber: candidate().strNumber, issuedOn: '2025-01-01', ...given })
const dead = { status: 'deceased', sourceStatus: 'MENINGGAL', changedAt: '2026-02-01T00:00:00.000Z' } as const

async function setUp(t: TestContext) {
  const registry = await createRegistry(t)
  return {
    ...registry,
    statuses: async () => {
      const { rows } = await registry.pool.query(
        `select r.status, n.str_number as "by" from sdmk.registration r
        left join sdmk.registration n on n.id = r.replaced_by order by r.issued_on, r.str_number`
      )
      return rows.map(({ status, by }) => (by ? [status, by] : [status]))
    }
  }
}

describe('statuses of several licences', { concurrency: true }, () => {
  for (const order of ['older first', 'newer first', 'together']) {
    test(`a renewed licence replaces the older one, ${order}`, async t => {
      const { apply, statuses } = await setUp(t)
      const older = candidate()
      const newer = renewed(older)
      const batches = order === 'together' ? [[older, newer]] : [[older], [newer]]
      if (order === 'newer first') batches.reverse()
      let deactivated = 0
      for (const rows of batches) deactivated += (await apply(...rows)).deactivated
      assert.deepEqual(await statuses(), [['replaced', newer.strNumber], ['active']])
      assert.equal(deactivated, 0)
    })
  }

  test('a licence of another profession or kind replaces nothing', async t => {
    const { apply, statuses } = await setUp(t)
    const first = candidate()
    await apply(first, renewed(first, { competence: 'Spesialis Anak' }), renewed(first, { profession: 'dentist' }))
    assert.deepEqual(await statuses(), [['active'], ['active'], ['active']])
  })

  test('a replaced licence that KKI revokes is revoked', async t => {
    const { apply, statuses } = await setUp(t)
    const older = candidate()
    await apply(older, renewed(older))
    await apply(fresh(older, { status: 'revoked', sourceStatus: 'DICABUT', changedAt: '2026-03-01T00:00:00.000Z' }))
    assert.deepEqual(await statuses(), [['revoked'], ['active']])
  })

  test('a replaced licence stays so when KKI sends it again as active', async t => {
    const { apply, statuses } = await setUp(t)
    const older = candidate()
    const newer = renewed(older)
    await apply(older, newer)
    await apply(fresh(older, { institution: 'Universitas Rekaan', changedAt: '2026-03-01T00:00:00.000Z' }))
    assert.deepEqual(await statuses(), [['replaced', newer.strNumber], ['active']])
  })

  for (const order of ['before', 'after']) {
    test(`a death deactivates every active licence of the person, stated ${order} the other licence`, async t => {
      const { apply, statuses } = await setUp(t)
      const first = candidate()
      const second = renewed(first, { profession: 'dentist' })
      await apply(first)
      const ended = fresh(first, dead)
      const counts = []
      for (const row of order === 'before' ? [ended, second] : [second, ended]) {
        counts.push((await apply(row)).deactivated)
      }
      assert.deepEqual(await statuses(), [['deceased'], ['deceased']])
      assert.deepEqual(counts, order === 'before' ? [1, 0] : [0, 2])
    })
  }

  test('a death that KKI withdraws restores the other licences', async t => {
    const { apply, statuses } = await setUp(t)
    const first = candidate()
    await apply(first, renewed(first, { profession: 'dentist' }))
    await apply(fresh(first, dead))
    await apply(fresh(first, { changedAt: '2026-03-01T00:00:00.000Z' }))
    assert.deepEqual(await statuses(), [['active'], ['active']])
  })
})

describe('deactivations', { concurrency: true }, () => {
  const revoked = { status: 'revoked', sourceStatus: 'DICABUT', changedAt: '2026-02-01T00:00:00.000Z' } as const

  test('a deactivation under another name is applied without the rest of its row, if no other NIK contradicts', async t => {
    const { pool, apply, statuses } = await setUp(t)
    const stored = candidate({ name: 'Siti Aminah' })
    await apply(stored)
    const { outcomes } = await apply(
      fresh(stored, { ...revoked, nik: null, name: 'Rudi Tabuti', nameKey: 'RUDI TABUTI' })
    )
    assert.deepEqual([outcomes[0]?.outcome, outcomes[0]?.warnings], ['updated', ['FIELD_IGNORED']])
    assert.deepEqual(await statuses(), [['revoked']])
    const { rows } = await pool.query('select name from sdmk.health_worker')
    assert.deepEqual(rows, [{ name: 'Siti Aminah' }])
  })

  test('a deactivation older than an active row changes nothing and is urgent in the review queue', async t => {
    const { pool, apply, statuses } = await setUp(t)
    const stored = candidate({ changedAt: '2026-03-01T00:00:00.000Z' })
    await apply(stored)
    const { outcomes, summary } = await apply(fresh(stored, revoked))
    assert.deepEqual([outcomes[0]?.outcome, outcomes[0]?.warnings], ['unchanged', ['STALE']])
    assert.deepEqual([summary.unchanged, summary.rejected], [1, 0])
    assert.deepEqual(await statuses(), [['active']])
    await apply(stored)
    const { rows } = await pool.query('select code, urgent, state from kki.rejection')
    assert.deepEqual(rows, [{ code: 'DEACTIVATION_STALE', urgent: true, state: 'open' }])
  })
})

describe('values of a person', { concurrency: true }, () => {
  test('a changed name is kept as a warning, and so is a value that SDMK keeps', async t => {
    const { pool, apply } = await setUp(t)
    const stored = candidate({ name: 'Siti Aminah' })
    await apply(stored)
    const name = fresh(stored, {
      name: 'Siti Aminah Putri',
      nameKey: 'AMINAH PUTRI SITI',
      changedAt: '2026-02-01T00:00:00.000Z'
    })
    assert.deepEqual((await apply(name)).outcomes[0]?.warnings, ['NAME_CHANGED'])
    await pool.query(`update sdmk.health_worker set name_at = 'infinity', sex_at = 'infinity'`)
    const again = fresh(stored, { changedAt: '2026-03-01T00:00:00.000Z' })
    assert.deepEqual((await apply(again)).outcomes[0]?.warnings, ['VALUE_KEPT'])
    const { rows } = await pool.query('select name from sdmk.health_worker')
    assert.deepEqual(rows, [{ name: 'Siti Aminah Putri' }])
  })

  test('a row older than its registration still fills empty values', async t => {
    const { pool, apply } = await setUp(t)
    const stored = candidate({ birthDate: null, changedAt: '2026-03-01T00:00:00.000Z' })
    await apply(stored)
    await apply(fresh(stored, { birthDate: '1990-01-01', changedAt: '2026-02-01T00:00:00.000Z' }))
    const { rows } = await pool.query('select birth_date from sdmk.health_worker')
    assert.deepEqual(rows, [{ birth_date: '1990-01-01' }])
  })
})

test('if two batches create the same person without a NIK at once, the second plans again and rejects the row', async t => {
  const { database, identity, pool } = await setUp(t)
  const [a, b] = [
    await stageRows(database, identity, [candidate({ nik: null, name: 'Agus Salim' })]),
    await stageRows(database, identity, [candidate({ name: 'Agus Salim' })])
  ]
  for (const id of [a, b]) await database.withTransaction(client => planBatch(client, id, identity, options))
  const applying = (id: number) => database.withTransaction(client => applyPlan(client, id, identity, options.asOf))
  const results = await Promise.allSettled([applying(a), applying(b)])
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const lost = results[0].status === 'rejected' ? a : b
  const reason = results.find(result => result.status === 'rejected') as PromiseRejectedResult
  assert.ok(isLostRace(reason.reason))
  const summary = await database.withTransaction(client => planBatch(client, lost, identity, options))
  assert.equal(summary.rejected, 1)
  await applying(lost)
  const { rows } = await pool.query('select count(*) as people from sdmk.health_worker')
  assert.deepEqual(rows, [{ people: 1 }])
})
