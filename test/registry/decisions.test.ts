import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type pg from 'pg'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { candidate, createRegistry, decide } from './helpers.ts'

const later = (row: Candidate, given: Partial<Candidate> = {}): Candidate => ({
  ...row,
  changedAt: '2026-02-01T00:00:00.000Z',
  contentHash: candidate().contentHash,
  ...given
})

async function setUp(t: TestContext) {
  const registry = await createRegistry(t)
  const { pool } = registry
  return {
    ...registry,
    decide: (row: Candidate, healthWorkerId: number | null) => decide(registry, row, healthWorkerId),
    holderOf: async (row: Candidate) => {
      const { rows } = await pool.query(
        'select health_worker_id as id from sdmk.registration where str_number = $1 and profession = $2',
        [row.strNumber, row.profession]
      )
      return rows[0]?.id as number | undefined
    }
  }
}

const count = async (pool: pg.Pool, table: string) =>
  (await pool.query(`select count(*) as n from ${table}`)).rows[0].n as number

describe('standing decisions', { concurrency: true }, () => {
  test('a row in conflict goes to the chosen person, who gets its NIK, and the former NIK never matches', async t => {
    const { pool, identity, apply, applyWith, decide, holderOf } = await setUp(t)
    const stored = candidate({ name: 'Siti Aminah' })
    await apply(stored)
    const row = later(stored, { nik: '3171014502900777', name: 'Siti Aminah Putri', nameKey: 'AMINAH PUTRI SITI' })
    const refused = await apply(row)
    assert.deepEqual(refused.outcomes[0]?.codes, ['IDENTITY_CONFLICT'])

    const holder = (await holderOf(stored)) as number
    await decide(row, holder)
    await pool.query(`update kki.rejection set decided_at = now(), decided_by = 'verifier'`)
    const decided = await applyWith({ kind: 'decision' }, row)
    assert.deepEqual([decided.outcomes[0]?.outcome, decided.outcomes[0]?.rule], ['updated', 0])
    const { rows } = await pool.query('select nik_digest, name from sdmk.health_worker')
    assert.deepEqual(rows, [{ nik_digest: identity.digestNik('3171014502900777'), name: 'Siti Aminah Putri' }])
    assert.equal(await count(pool, 'sdmk.former_nik'), 1)
    const review = await pool.query('select state from kki.rejection')
    assert.deepEqual(review.rows, [{ state: 'resolved' }])

    const other = candidate({ nik: stored.nik, name: 'Orang Lain', nameKey: 'LAIN ORANG' })
    const met = await apply(other)
    assert.equal(met.outcomes[0]?.outcome, 'created')
  })

  test('a decision applies to every later row of that STR and NIK', async t => {
    const { apply, decide, holderOf } = await setUp(t)
    const stored = candidate({ name: 'Budi Hartono' })
    await apply(stored)
    const row = later(stored, { nik: null, name: 'Rahmat Saleh', nameKey: 'RAHMAT SALEH' })
    await decide(row, (await holderOf(stored)) as number)
    for (const changedAt of ['2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z']) {
      const { outcomes } = await apply(later(row, { changedAt, contentHash: candidate().contentHash }))
      assert.deepEqual([outcomes[0]?.outcome, outcomes[0]?.rule], ['updated', 0])
    }
  })

  test('a decision for a new person creates the person with the licence', async t => {
    const { pool, apply, applyWith, decide, holderOf } = await setUp(t)
    const stored = candidate({ name: 'Budi Hartono' })
    await apply(stored)
    const before = await holderOf(stored)
    const row = later(stored, { nik: '3171014502900888', name: 'Dewi Lestari', nameKey: 'DEWI LESTARI' })
    await decide(row, null)
    const { outcomes } = await applyWith({ kind: 'decision' }, row)
    assert.deepEqual([outcomes[0]?.outcome, outcomes[0]?.rule], ['created', 0])
    assert.notEqual(await holderOf(stored), before)
    assert.equal(await count(pool, 'sdmk.health_worker'), 2)
    const { rows } = await pool.query('select health_worker_id from kki.decision')
    assert.equal(rows[0].health_worker_id, await holderOf(stored))

    const again = await apply(row)
    assert.deepEqual([again.summary.unchanged, again.summary.created], [1, 0])
  })

  test('a similar person that a reviewer declared new is created next to the known one', async t => {
    const { pool, apply, applyWith, decide } = await setUp(t)
    const stored = candidate({ nik: null, name: 'Agus Salim' })
    await apply(stored)
    const row = candidate({ nik: null, name: 'Agus Salim' })
    assert.deepEqual((await apply(row)).outcomes[0]?.codes, ['POSSIBLE_DUPLICATE'])
    await decide(row, null)
    assert.equal((await applyWith({ kind: 'decision' }, row)).outcomes[0]?.outcome, 'created')
    assert.equal(await count(pool, 'sdmk.health_worker'), 2)
    const { rows } = await pool.query('select state from kki.rejection')
    assert.deepEqual(rows, [{ state: 'cleared' }])
  })

  test('a decision about a row without a NIK does not apply to another name under that STR', async t => {
    const { pool, apply, holderOf } = await setUp(t)
    const stored = candidate({ name: 'Budi Hartono' })
    await apply(stored)
    const row = later(stored, { nik: null, name: 'Rahmat Saleh', nameKey: 'RAHMAT SALEH' })
    await pool.query(
      `insert into kki.decision (str_number, name_key, health_worker_id, decided_by) values ($1, $2, $3, 'verifier')`,
      [row.strNumber, row.nameKey, await holderOf(stored)]
    )
    const other = later(row, { name: 'Dewi Lestari', nameKey: 'DEWI LESTARI', contentHash: candidate().contentHash })
    assert.deepEqual((await apply(other)).outcomes[0]?.codes, ['IDENTITY_CONFLICT'])
    const { outcomes } = await apply(row)
    assert.deepEqual([outcomes[0]?.outcome, outcomes[0]?.rule], ['updated', 0])
  })

  test('a decision about a name applies to the name with one letter more, but to no relative under that STR', async t => {
    const { pool, apply, holderOf } = await setUp(t)
    const stored = candidate({ name: 'Budi Hartono', birthDate: '1960-05-17' })
    await apply(stored)
    const row = later(stored, { nik: null, name: 'Simatupang', nameKey: 'SIMATUPANG' })
    await pool.query(
      `insert into kki.decision (str_number, name_key, health_worker_id, decided_by) values ($1, $2, $3, 'verifier')`,
      [row.strNumber, row.nameKey, await holderOf(stored)]
    )
    const withLetter = { name: 'H. Simatupang', nameKey: 'H SIMATUPANG', contentHash: candidate().contentHash }
    const son = later(row, { ...withLetter, birthDate: '1988-11-02' })
    assert.deepEqual((await apply(son)).outcomes[0]?.codes, ['IDENTITY_CONFLICT'])
    const { outcomes } = await apply(later(row, withLetter))
    assert.deepEqual([outcomes[0]?.outcome, outcomes[0]?.rule], ['updated', 0])
  })

  test('of two decisions about one registration the later one counts', async t => {
    const { apply, decide, holderOf } = await setUp(t)
    const a = candidate({ name: 'Ani Rahma' })
    const b = candidate({ name: 'Beni Rahmat' })
    await apply(a, b)
    const [idA, idB] = [(await holderOf(a)) as number, (await holderOf(b)) as number]
    const shared = candidate()
    const rowA = later(shared, { nik: a.nik, name: a.name, nameKey: a.nameKey })
    const rowB = later(shared, { nik: b.nik, name: b.name, nameKey: b.nameKey, contentHash: candidate().contentHash })
    await decide(rowA, idA)
    await decide(rowB, idB)
    const { outcomes } = await apply(rowA, rowB)
    assert.deepEqual(
      outcomes.map(({ outcome, codes }) => [outcome, ...codes]),
      [['rejected', 'STR_AMBIGUOUS'], ['linked']]
    )
    assert.equal(await holderOf(shared), idB)
    const alone = await apply(rowA)
    assert.deepEqual(alone.outcomes[0]?.codes, ['STR_AMBIGUOUS'])
    assert.equal(await holderOf(shared), idB)
  })

  test('a decision does not take a NIK from another person', async t => {
    const { pool, apply, applyWith, decide, holderOf } = await setUp(t)
    const a = candidate({ name: 'Ani Rahma' })
    const b = candidate({ name: 'Beni Rahmat' })
    await apply(a, b)
    const row = later(a, { nik: b.nik })
    await decide(row, (await holderOf(a)) as number)
    const { outcomes } = await applyWith({ kind: 'decision' }, row)
    assert.equal(outcomes[0]?.outcome, 'updated')
    assert.ok(outcomes[0]?.warnings.includes('NIK_IGNORED'))
    assert.equal(await count(pool, 'sdmk.former_nik'), 0)
  })
})

describe('the review queue', { concurrency: true }, () => {
  test('a rejection closes when its row arrives valid', async t => {
    const { pool, apply } = await setUp(t)
    const stored = candidate({ name: 'Siti Aminah' })
    await apply(stored)
    const conflict = later(stored, { nik: '3171014502900777' })
    await apply(conflict)
    await apply(later(stored, { changedAt: '2026-03-01T00:00:00.000Z', contentHash: candidate().contentHash }))
    const { rows } = await pool.query('select code, state from kki.rejection')
    assert.deepEqual(rows, [{ code: 'IDENTITY_CONFLICT', state: 'cleared' }])
  })

  test("another person's row under the same STR does not take a revocation off it", async t => {
    const { pool, apply } = await setUp(t)
    const ani = candidate({ name: 'Ani Rahma' })
    const budi = candidate({ name: 'Budi Hartono' })
    await apply(ani, budi)
    const shared = candidate()
    const ofAni = later(shared, {
      nik: ani.nik,
      name: ani.name,
      nameKey: ani.nameKey,
      birthPlace: 'Medan',
      birthPlaceKey: 'MEDAN',
      status: 'revoked',
      sourceStatus: 'DICABUT'
    })
    const ofBudi = later(shared, {
      nik: budi.nik,
      name: budi.name,
      nameKey: budi.nameKey,
      contentHash: candidate().contentHash
    })
    const met = await apply(ofAni, { ...ofBudi, birthPlace: 'Medan', birthPlaceKey: 'MEDAN' })
    assert.deepEqual(
      met.outcomes.map(({ codes }) => codes),
      [['STR_AMBIGUOUS'], ['STR_AMBIGUOUS']]
    )
    const alone = await apply(
      later(ofBudi, { changedAt: '2026-03-01T00:00:00.000Z', contentHash: candidate().contentHash })
    )
    assert.equal(alone.outcomes[0]?.outcome, 'linked')
    const { rows } = await pool.query(
      `select r.state, r.urgent, o.nik_digest = h.nik_digest as is_anis, o.settled_by_batch_id is null as waits
      from kki.rejection r join kki.rejection_occurrence o on o.rejection_id = r.id
      join sdmk.health_worker h on h.name = 'Ani Rahma' order by o.row_no`
    )
    assert.deepEqual(rows, [
      { state: 'open', urgent: true, is_anis: true, waits: true },
      { state: 'open', urgent: true, is_anis: false, waits: false }
    ])
  })

  test('a row that is rejected repeatedly is pending once, in its latest form', async t => {
    const { pool, apply } = await setUp(t)
    const stored = candidate({ name: 'Siti Aminah' })
    await apply(stored)
    const conflict = later(stored, { nik: '3171014502900777' })
    await apply(conflict)
    await apply(later(conflict, { changedAt: '2026-03-01T00:00:00.000Z', province: 'Bali' }))
    const { rows } = await pool.query(
      `select r.seen_count, count(*) filter (where o.settled_by_batch_id is null) as waiting, count(*) as met
      from kki.rejection r join kki.rejection_occurrence o on o.rejection_id = r.id group by r.id`
    )
    assert.deepEqual(rows, [{ seen_count: 2, waiting: 1, met: 2 }])
  })

  test("another person's row does not close it", async t => {
    const { pool, apply } = await setUp(t)
    const stored = candidate({ name: 'Siti Aminah' })
    await apply(stored)
    await apply(later(stored, { nik: '3171014502900777', name: 'Rudi Tabuti', nameKey: 'RUDI TABUTI' }))
    await apply(later(stored, { changedAt: '2026-03-01T00:00:00.000Z', contentHash: candidate().contentHash }))
    const { rows } = await pool.query('select state from kki.rejection')
    assert.deepEqual(rows, [{ state: 'open' }])
  })

  test('a dismissed rejection stays dismissed until its content changes', async t => {
    const { pool, apply } = await setUp(t)
    const row = candidate({ status: 'inactive', sourceStatus: 'TIDAK AKTIF' })
    const states = async () => (await pool.query('select state from kki.rejection order by id')).rows.map(r => r.state)
    await apply(row)
    await pool.query(`update kki.rejection set state = 'dismissed'`)
    await apply(row)
    assert.deepEqual(await states(), ['dismissed'])
    await apply({ ...row, institution: 'Universitas Lain' })
    assert.deepEqual(await states(), ['dismissed', 'open'])
  })
})

describe('a name that is not similar, under the STR, NIK and birth date of a known person', {
  concurrency: true
}, () => {
  async function withOtherName(t: TestContext) {
    const registry = await setUp(t)
    const { apply, pool } = registry
    const stored = candidate({ name: 'Siti Aminah' })
    await apply(stored)
    const row = later(stored, { name: 'Agus Salim', nameKey: 'AGUS SALIM' })
    const { outcomes } = await apply(row)
    assert.deepEqual([outcomes[0]?.outcome, outcomes[0]?.codes], ['updated', ['NAME_DIFFERS']])
    return {
      ...registry,
      stored,
      row,
      nameOf: async () => (await pool.query('select name from sdmk.health_worker')).rows[0].name as string,
      states: async () => {
        const { rows } = await pool.query('select code, state from kki.rejection order by id')
        return rows.map(({ code, state }) => `${code} ${state}`)
      }
    }
  }

  test('waits in the review queue, and the rest of the row is applied', async t => {
    const { pool, row, holderOf, nameOf, states } = await withOtherName(t)
    assert.deepEqual([await nameOf(), await states()], ['Siti Aminah', ['NAME_DIFFERS open']])
    const { rows } = await pool.query('select candidates from kki.rejection')
    assert.deepEqual(rows, [{ candidates: [await holderOf(row)] }])
    const { rows: licences } = await pool.query('select source_at, warnings from sdmk.registration')
    assert.equal(licences[0].source_at.toISOString(), row.changedAt)
    assert.ok(licences[0].warnings.includes('NAME_IGNORED'))
  })

  test('is not rejected again by the same row', async t => {
    const { apply, row, nameOf, states, pool } = await withOtherName(t)
    await apply(row)
    assert.deepEqual([await nameOf(), await states()], ['Siti Aminah', ['NAME_DIFFERS open']])
    await pool.query(`update kki.rejection set state = 'dismissed'`)
    await apply(row)
    assert.deepEqual([await nameOf(), await states()], ['Siti Aminah', ['NAME_DIFFERS dismissed']])
  })

  test('is applied by a decision', async t => {
    const registry = await withOtherName(t)
    const { applyWith, pool, row, holderOf, nameOf, states, apply } = registry
    await decide(registry, row, (await holderOf(row)) as number)
    await pool.query(`update kki.rejection set decided_at = now(), decided_by = 'verifier'`)
    await applyWith({ kind: 'decision' }, row)
    assert.deepEqual([await nameOf(), await states()], ['Agus Salim', ['NAME_DIFFERS resolved']])
    await apply(later(row, { changedAt: '2026-03-01T00:00:00.000Z' }))
    assert.deepEqual([await nameOf(), await states()], ['Agus Salim', ['NAME_DIFFERS resolved']])
  })

  test('closes once KKI sends the person’s name again', async t => {
    const { apply, stored, nameOf, states } = await withOtherName(t)
    await apply(later(stored, { changedAt: '2026-03-01T00:00:00.000Z' }))
    assert.deepEqual([await nameOf(), await states()], ['Siti Aminah', ['NAME_DIFFERS cleared']])
  })
})
