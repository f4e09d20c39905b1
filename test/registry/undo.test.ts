import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { type UndoReport, undoBatch } from '../../sidecar/registry/undo.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { applyRows, candidate, dumpSdmk, testIdentity } from './helpers.ts'

const fresh = (row: Candidate, given: Partial<Candidate>): Candidate => ({
  ...row,
  contentHash: candidate().contentHash,
  ...given
})
const later = (day: number) => `2026-03-0${day}T00:00:00.000Z`

async function setUp(t: TestContext) {
  const { database, pool } = await createTestDatabase(t)
  const identity = testIdentity()
  return {
    pool,
    apply: async (...rows: Candidate[]) => {
      const { batchId } = await applyRows(database, identity, rows)
      await pool.query(
        `update kki.batch b
        set state = 'applied', as_of = '2026-06-01', plan_digest = 'x', fetched = 0, rejected = 0 where id = $1`,
        [batchId]
      )
      return batchId
    },
    undo: async (batchId: number): Promise<UndoReport> => {
      const report = await database.withTransaction(client => undoBatch(client, batchId, identity, '2026-06-01'))
      await pool.query(`update kki.batch set state = 'undone', undone_at = now() where id = $1`, [batchId])
      return report
    },
    dump: () => dumpSdmk(pool),
    one: async (text: string, ...values: unknown[]) => (await pool.query(text, values)).rows[0]
  }
}

describe('undoing a batch', { concurrency: true }, () => {
  test('leaves the registry unchanged except for versions', async t => {
    const { apply, undo, dump, one } = await setUp(t)
    const known = [1, 2, 3, 4, 5].map(() => candidate())
    const [renewed, ended, renamed, dead, moved] = known as [Candidate, Candidate, Candidate, Candidate, Candidate]
    await apply(...known, candidate({ nik: null }))
    const before = await dump()
    const { version } = await one('select max(version) as version from sdmk.registration')
    const batchId = await apply(
      fresh(renewed, { strNumber: candidate().strNumber, issuedOn: '2025-01-01', changedAt: later(1) }),
      fresh(ended, { status: 'revoked', sourceStatus: 'DICABUT', changedAt: later(1) }),
      fresh(renamed, { name: 'Nama Lain', nameKey: 'LAIN NAMA', birthPlace: null, changedAt: later(1) }),
      fresh(dead, { status: 'deceased', sourceStatus: 'MENINGGAL', changedAt: later(1) }),
      fresh(moved, { profession: 'dentist', province: 'Bali', changedAt: later(1) }),
      candidate(),
      candidate({ nik: null })
    )
    assert.notDeepEqual(await dump(), before)
    const report = await undo(batchId)
    assert.deepEqual(await dump(), before)
    const { peopleDeleted, registrationsDeleted, registrationsLeft, peopleLeft } = report
    assert.deepEqual(
      { peopleDeleted, registrationsDeleted, registrationsLeft, peopleLeft },
      { peopleDeleted: 2, registrationsDeleted: 4, registrationsLeft: 0, peopleLeft: 0 }
    )
    const raised = await one('select count(*) as n from sdmk.registration where version > $1', version)
    assert.ok(raised.n >= 3, 'what changed back has a higher version')
  })

  test('reverses a whole first load', async t => {
    const { apply, undo, dump } = await setUp(t)
    const batchId = await apply(...Array.from({ length: 50 }, () => candidate()))
    await undo(batchId)
    assert.deepEqual(await dump(), [])
  })

  test('keeps changes of a later batch, and says so', async t => {
    const { apply, undo, one } = await setUp(t)
    const row = candidate()
    await apply(row)
    const first = await apply(fresh(row, { province: 'Bali', changedAt: later(1) }))
    await apply(fresh(row, { province: 'Aceh', changedAt: later(2) }))
    const report = await undo(first)
    const { province, id } = await one('select id, province from sdmk.registration')
    assert.equal(province, 'Aceh')
    assert.equal(report.left.registrations[0]?.id, id)
    assert.ok(report.left.registrations[0]?.fields.includes('province'))
  })

  test('keeps a value that a newer row confirmed, although only its stamp changed', async t => {
    const { apply, undo, one } = await setUp(t)
    const row = candidate({ name: 'Rina Ayu Marlina' })
    await apply(row)
    const name = { name: 'Rina Marlina', nameKey: 'MARLINA RINA' }
    const first = await apply(fresh(row, { ...name, changedAt: later(1) }))
    await apply(fresh(row, { ...name, province: 'Bali', changedAt: later(2) }))
    const report = await undo(first)
    assert.equal((await one('select name from sdmk.health_worker')).name, 'Rina Marlina')
    assert.ok(report.left.people[0]?.fields.includes('name'))
  })

  test('restores values that a later batch changed, once that batch is undone too', async t => {
    const { apply, undo, dump } = await setUp(t)
    const row = candidate()
    await apply(row)
    const before = await dump()
    const first = await apply(fresh(row, { province: 'Bali', changedAt: later(1) }))
    const second = await apply(fresh(row, { province: 'Aceh', changedAt: later(2) }))
    await undo(second)
    const report = await undo(first)
    assert.deepEqual(await dump(), before)
    assert.equal(report.registrationsLeft, 0)
  })

  test('keeps people who hold later registrations, decisions or edits', async t => {
    const { apply, undo, pool, one } = await setUp(t)
    const [linked, decided, edited, free] = [candidate(), candidate(), candidate(), candidate()]
    const first = await apply(linked, decided, edited, free)
    await apply(fresh(linked, { strNumber: candidate().strNumber, competence: 'Spesialis', changedAt: later(1) }))
    const idOf = async (row: Candidate) =>
      (await one('select health_worker_id as id from sdmk.registration where str_number = $1', row.strNumber)).id
    await pool.query(
      `insert into kki.decision (str_number, health_worker_id, decided_by) values ('EQ99999999', $1, 'siti')`,
      [await idOf(decided)]
    )
    await pool.query(
      `insert into kki.change (operation, health_worker_id, health_worker_before) values ('edited', $1, '{"sex": "male"}')`,
      [await idOf(edited)]
    )
    const kept = [await idOf(linked), await idOf(decided), await idOf(edited)]
    const report = await undo(first)
    assert.deepEqual(
      report.left.people.map(({ id }) => id),
      kept
    )
    const { people, registrations } = await one(
      'select (select count(*) from sdmk.health_worker) as people, (select count(*) from sdmk.registration) as registrations'
    )
    assert.deepEqual({ people, registrations }, { people: 3, registrations: 1 })
  })

  test('derives the status again if a later licence succeeded a removed one', async t => {
    const { apply, undo, pool } = await setUp(t)
    const oldest = candidate()
    await apply(oldest)
    const middle = fresh(oldest, { strNumber: candidate().strNumber, issuedOn: '2023-01-01', changedAt: later(1) })
    const second = await apply(middle)
    const newest = fresh(oldest, { strNumber: candidate().strNumber, issuedOn: '2025-01-01', changedAt: later(2) })
    await apply(newest)
    await undo(second)
    const { rows } = await pool.query(
      'select str_number, status, replaced_by from sdmk.registration order by issued_on'
    )
    const last = await pool.query('select id from sdmk.registration where str_number = $1', [newest.strNumber])
    assert.equal(rows[0].status, 'replaced')
    assert.equal(Number(rows[0].replaced_by), last.rows[0].id)
    assert.equal(rows.at(-1).status, 'active')
  })

  test('reopens rejections that the batch closed', async t => {
    const { apply, undo, one } = await setUp(t)
    const known = candidate({ name: 'Rina Marlina' })
    await apply(known)
    const conflict = fresh(known, { name: 'Rina Ayu Marlina', nameKey: 'AYU MARLINA RINA', nik: candidate().nik })
    await apply({ ...conflict, birthDate: '1980-05-05', changedAt: later(1) })
    assert.equal((await one('select state from kki.rejection')).state, 'open')
    const clearing = await apply({
      ...fresh(known, { changedAt: later(2) }),
      name: conflict.name,
      nameKey: conflict.nameKey
    })
    assert.equal((await one('select state from kki.rejection')).state, 'cleared')
    const report = await undo(clearing)
    assert.equal(report.rejectionsReopened, 1)
    assert.equal((await one('select state from kki.rejection')).state, 'open')
  })

  test('knows every column of people and registrations', async t => {
    const { pool } = await setUp(t)
    const untouched = {
      // A restriction or an erasure is no part of a batch.
      registration: ['id', 'str_number', 'profession', 'created_at', 'erased_at'],
      health_worker: ['id', 'created_at', 'restricted_at', 'erased_at']
    }
    for (const [table, file] of [
      ['registration', '01-registrations.sql'],
      ['health_worker', '07-people.sql']
    ] as const) {
      const text = readFileSync(new URL(`../../sidecar/registry/undo/restore/${file}`, import.meta.url), 'utf8')
      const list =
        text
          .match(/set \(([^)]+)\)/)?.[1]
          ?.split(',')
          .map(column => column.trim()) ?? []
      const { rows } = await pool.query<{ column: string }>(
        `select column_name as column from information_schema.columns where table_schema = 'sdmk' and table_name = $1`,
        [table]
      )
      const expected = rows.map(({ column }) => column).filter(column => !untouched[table].includes(column))
      assert.deepEqual(list.toSorted(), expected.sort())
    }
  })

  // Taken for one of no rows, a batch of 80,000 took four minutes of loops within loops instead of three seconds.
  test('updates the planner’s statistics first, because the batch may be newer than them', async t => {
    const { pool, one, apply, undo } = await setUp(t)
    await apply(candidate())
    await pool.query('analyze kki.change')
    const batchId = await apply(candidate(), candidate())
    await undo(batchId)
    const { known } = await one(
      `select most_common_vals::text::bigint[] as known from pg_stats where schemaname = 'kki' and tablename = 'change'
        and attname = 'batch_id'`
    )
    assert.deepEqual(known, [batchId])
  })
})
