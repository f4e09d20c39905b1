import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { candidate, createRegistry, type Outcome } from './helpers.ts'

const short = ({ outcome, rule, codes }: Outcome) => [outcome, rule, ...codes]

describe('matching', { concurrency: true }, () => {
  test('an unmatched row with an active licence creates a person', async t => {
    const { database, identity, apply } = await createRegistry(t)
    const row = candidate({ name: 'Siti Aminah', warnings: ['NIK_SERIAL_ZERO'] })
    const { outcomes, summary } = await apply(row)
    assert.deepEqual(short(outcomes[0] as Outcome), ['created', 9])
    assert.equal(summary.created, 1)
    const { rows } = await database.pool.query(
      'select h.name, h.nik_digest, r.str_number, r.status, r.match_reason, r.warnings from sdmk.health_worker h join sdmk.registration r on r.health_worker_id = h.id'
    )
    assert.deepEqual(rows, [
      {
        name: 'Siti Aminah',
        nik_digest: identity.digestNik(row.nik as string),
        str_number: row.strNumber,
        status: 'active',
        match_reason: '9',
        warnings: ['NIK_SERIAL_ZERO']
      }
    ])
  })

  test('the same row again changes nothing', async t => {
    const { apply } = await createRegistry(t)
    const row = candidate()
    await apply(row)
    const { outcomes, summary } = await apply(row)
    assert.deepEqual(short(outcomes[0] as Outcome), ['unchanged', null])
    assert.equal(summary.unchanged, 1)
  })

  test('a newer row of a known person updates the registration and keeps values that it leaves out', async t => {
    const { database, apply } = await createRegistry(t)
    const row = candidate()
    await apply(row)
    const { outcomes, deactivated } = await apply({
      ...row,
      birthPlace: null,
      birthPlaceKey: null,
      status: 'revoked',
      sourceStatus: 'DICABUT',
      changedAt: '2026-02-01T00:00:00.000Z',
      contentHash: 'f'.repeat(32)
    })
    assert.deepEqual(short(outcomes[0] as Outcome), ['updated', 3])
    assert.equal(deactivated, 1)
    const { rows } = await database.pool.query(
      'select h.birth_place, r.status, r.source_status from sdmk.health_worker h join sdmk.registration r on r.health_worker_id = h.id'
    )
    assert.deepEqual(rows, [{ birth_place: 'Jakarta', status: 'revoked', source_status: 'DICABUT' }])
    const changes = await database.pool.query(
      `select registration_before from kki.change where operation = 'updated' and registration_id is not null`
    )
    assert.equal(changes.rows[0].registration_before.status, 'active')
  })

  test('a row older than the stored one changes nothing and gets a warning', async t => {
    const { apply } = await createRegistry(t)
    const row = candidate()
    await apply(row)
    const { outcomes } = await apply({ ...row, changedAt: '2025-01-01T00:00:00.000Z', contentHash: '0'.repeat(32) })
    assert.deepEqual(short(outcomes[0] as Outcome), ['unchanged', 3])
    assert.deepEqual(outcomes[0]?.warnings, ['STALE'])
  })

  test('of rows of one person under one STR the newest counts', async t => {
    const { apply } = await createRegistry(t)
    const row = candidate()
    const newer = { ...row, changedAt: '2026-03-01T00:00:00.000Z', contentHash: 'a'.repeat(32) }
    const { outcomes } = await apply(row, newer)
    assert.deepEqual(outcomes.map(short), [
      ['superseded', 1],
      ['created', 9]
    ])
  })

  test('one STR under two professions of one person is one person with two registrations', async t => {
    const { apply } = await createRegistry(t)
    const row = candidate()
    const specialist = { ...row, profession: 'specialist_doctor', contentHash: 'b'.repeat(32) }
    const { outcomes } = await apply(row, specialist)
    assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ['created', 'linked'])
    assert.equal(outcomes[0]?.healthWorkerId, outcomes[1]?.healthWorkerId)
  })

  test('different people who share an STR are both rejected, also if they arrive later', async t => {
    const { apply } = await createRegistry(t)
    const one = candidate()
    const other = candidate({ strNumber: one.strNumber })
    const { outcomes } = await apply(one, other)
    assert.deepEqual(outcomes.map(short), [
      ['rejected', 5, 'STR_AMBIGUOUS'],
      ['rejected', 5, 'STR_AMBIGUOUS']
    ])
  })

  test('a known STR with another NIK is a conflict, urgent if it is a deactivation', async t => {
    const { apply } = await createRegistry(t)
    const row = candidate()
    const { outcomes: created } = await apply(row)
    const stranger = candidate({ strNumber: row.strNumber, status: 'revoked' })
    const { outcomes } = await apply(stranger)
    assert.deepEqual(short(outcomes[0] as Outcome), ['rejected', 4, 'IDENTITY_CONFLICT'])
    assert.equal(outcomes[0]?.urgent, true)
    assert.ok(created[0]?.healthWorkerId)
  })

  test('a new STR of a known NIK and name is linked to that person', async t => {
    const { apply } = await createRegistry(t)
    const row = candidate({ name: 'Budi Santoso' })
    const first = await apply(row)
    const { outcomes } = await apply(candidate({ name: 'Budi Santoso', nik: row.nik }))
    assert.deepEqual(short(outcomes[0] as Outcome), ['linked', 6])
    assert.equal(outcomes[0]?.healthWorkerId, first.outcomes[0]?.healthWorkerId)
  })

  test('a sibling with a known NIK and its birth date is a conflict', async t => {
    const { apply } = await createRegistry(t)
    const row = candidate({ name: 'Nur Aini' })
    await apply(row)
    const { outcomes } = await apply(candidate({ name: 'Nur Aina', nik: row.nik }))
    assert.deepEqual(short(outcomes[0] as Outcome), ['rejected', 7, 'IDENTITY_CONFLICT'])
  })

  test('two NIKs that differ in one digit are two people if the name differs too', async t => {
    const { apply } = await createRegistry(t)
    const { outcomes } = await apply(
      candidate({ name: 'Nur Aini', nik: '3171014101900001' }),
      candidate({ name: 'Nur Aina', nik: '3171014101900002' })
    )
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['created', 'created']
    )
  })

  test('a person without a NIK who resembles a known one waits for a decision', async t => {
    const { apply } = await createRegistry(t)
    const row = candidate({ name: 'Dewi Lestari' })
    const first = await apply(row)
    const { outcomes } = await apply(candidate({ name: 'Dewi Lestari', nik: null }))
    assert.deepEqual(short(outcomes[0] as Outcome), ['rejected', 8, 'POSSIBLE_DUPLICATE'])
    assert.ok(first.outcomes[0]?.healthWorkerId)
  })

  test('of similar people of one batch, one without a NIK, the oldest is created', async t => {
    const { apply } = await createRegistry(t)
    const { outcomes } = await apply(
      candidate({ name: 'Dewi Lestari', nik: null, changedAt: '2026-01-02T00:00:00.000Z' }),
      candidate({ name: 'Dewi Lestari', changedAt: '2026-01-01T00:00:00.000Z' })
    )
    assert.deepEqual(outcomes.map(short), [
      ['rejected', 8, 'POSSIBLE_DUPLICATE'],
      ['created', 9]
    ])
  })

  test('of rows with one new NIK the oldest creates the person, and the others are linked or rejected by their name', async t => {
    const { apply } = await createRegistry(t)
    const row = candidate({ name: 'Agus Salim' })
    const { outcomes } = await apply(
      candidate({ name: 'Agus Salim', nik: row.nik, changedAt: '2026-01-03T00:00:00.000Z' }),
      row,
      candidate({ name: 'Rina Marlina', nik: row.nik, changedAt: '2026-01-02T00:00:00.000Z' })
    )
    assert.deepEqual(outcomes.map(short), [
      ['linked', 6],
      ['created', 9],
      ['rejected', 7, 'IDENTITY_CONFLICT']
    ])
  })

  test('a NIK with three incompatible names identifies nobody', async t => {
    const { apply } = await createRegistry(t)
    const nik = '3171010101900009'
    const { outcomes } = await apply(
      candidate({ name: 'Agus Salim', nik }),
      candidate({ name: 'Rina Marlina', nik }),
      candidate({ name: 'Joko Widodo Putro', nik })
    )
    assert.deepEqual(
      outcomes.map(({ codes }) => codes),
      [['NIK_INVALID'], ['NIK_INVALID'], ['NIK_INVALID']]
    )
  })

  test('an inactive licence is rejected for an unknown person and stored for a known one', async t => {
    const { apply } = await createRegistry(t)
    const unknown = await apply(candidate({ status: 'inactive' }))
    assert.deepEqual(short(unknown.outcomes[0] as Outcome), ['rejected', null, 'STR_INACTIVE'])
    assert.equal(unknown.outcomes[0]?.urgent, false)
    const row = candidate({ name: 'Budi Santoso' })
    await apply(row)
    const known = await apply(candidate({ name: 'Budi Santoso', nik: row.nik, status: 'inactive' }))
    assert.deepEqual(short(known.outcomes[0] as Outcome), ['linked', 6])
  })

  test('an active licence past its last day counts as expired', async t => {
    const { apply } = await createRegistry(t)
    const { outcomes } = await apply(candidate({ validUntil: '2026-05-31', isLifetime: false }))
    assert.deepEqual(short(outcomes[0] as Outcome), ['rejected', null, 'STR_INACTIVE'])
    const lastDay = await apply(candidate({ validUntil: '2026-06-01', isLifetime: false }))
    assert.equal(lastDay.outcomes[0]?.outcome, 'created')
  })

  test('a deactivation is applied to a known licence whatever else is wrong with its row', async t => {
    const { database, apply } = await createRegistry(t)
    const row = candidate()
    await apply(row)
    const ending = candidate({
      strNumber: row.strNumber,
      nik: null,
      name: '',
      nameKey: '',
      profession: '',
      status: 'revoked',
      sourceStatus: 'DICABUT',
      changedAt: '2026-02-01T00:00:00.000Z',
      deactivationOnly: true,
      problems: [{ code: 'NAME_MISSING', instancePath: '/nama', params: {} }]
    })
    const { outcomes, deactivated } = await apply(ending)
    assert.deepEqual(short(outcomes[0] as Outcome), ['updated', 3])
    assert.deepEqual(outcomes[0]?.warnings, ['FIELD_IGNORED'])
    assert.equal(deactivated, 1)
    const { rows } = await database.pool.query('select status from sdmk.registration')
    assert.deepEqual(rows, [{ status: 'revoked' }])
    const again = await apply(ending)
    assert.equal(again.outcomes[0]?.outcome, 'unchanged')
  })

  test('an unmatched deactivation is rejected for the faults of its row', async t => {
    const { apply } = await createRegistry(t)
    const { outcomes } = await apply(
      candidate({
        nik: null,
        name: '',
        nameKey: '',
        status: 'revoked',
        deactivationOnly: true,
        problems: [{ code: 'NAME_MISSING', instancePath: '/nama', params: {} }]
      })
    )
    assert.deepEqual(short(outcomes[0] as Outcome), ['rejected', null, 'NAME_MISSING'])
    assert.equal(outcomes[0]?.urgent, false)
  })

  test('an impossible NIK is ignored for a known STR and rejected otherwise', async t => {
    const { apply } = await createRegistry(t)
    const problems = [{ code: 'NIK_INVALID' as const, instancePath: '/nik', params: {} }]
    const row = candidate()
    await apply(row)
    const known = await apply({
      ...row,
      nik: null,
      problems,
      changedAt: '2026-02-01T00:00:00.000Z',
      contentHash: 'c'.repeat(32)
    })
    assert.deepEqual(short(known.outcomes[0] as Outcome), ['updated', 3])
    assert.deepEqual(known.outcomes[0]?.warnings, ['NIK_IGNORED'])
    const unknown = await apply(candidate({ nik: null, problems }))
    assert.deepEqual(short(unknown.outcomes[0] as Outcome), ['rejected', null, 'NIK_INVALID'])
  })

  test('nobody is created if reviewers decide on new people', async t => {
    const { applyWith } = await createRegistry(t)
    const { outcomes } = await applyWith({ createUnmatched: 'review' }, candidate())
    assert.deepEqual(short(outcomes[0] as Outcome), ['rejected', 9, 'UNMATCHED'])
  })

  test('a known STR with the NIK of a third person is a conflict', async t => {
    const { apply } = await createRegistry(t)
    const foreigner = candidate({ name: 'John Smith', nik: null })
    const third = candidate({ name: 'Ayu Wandira' })
    await apply(foreigner, third)
    const { outcomes } = await apply({
      ...foreigner,
      nik: third.nik,
      changedAt: '2026-02-01T00:00:00.000Z',
      contentHash: 'd'.repeat(32)
    })
    assert.deepEqual(short(outcomes[0] as Outcome), ['rejected', 4, 'IDENTITY_CONFLICT'])
  })

  test('values that only a superseded row has are kept', async t => {
    const { database, identity, apply } = await createRegistry(t)
    const row = candidate({ changedAt: '2026-01-01T00:00:00.000Z' })
    const newer = {
      ...row,
      nik: null,
      birthDate: null,
      changedAt: '2026-02-01T00:00:00.000Z',
      contentHash: 'e'.repeat(32)
    }
    await apply(row, newer)
    const { rows } = await database.pool.query('select birth_date, nik_digest from sdmk.health_worker')
    assert.deepEqual(rows, [{ birth_date: '1990-01-01', nik_digest: identity.digestNik(row.nik as string) }])
  })

  test('a row that resembles a person of the same batch has that person as candidate', async t => {
    const { pool, apply } = await createRegistry(t)
    const first = candidate({ nik: null, name: 'Agus Salim' })
    const second = candidate({ nik: null, name: 'Agus Salim', changedAt: '2026-02-01T00:00:00.000Z' })
    await apply(first, second)
    const { rows } = await pool.query('select r.candidates, h.id from kki.rejection r, sdmk.health_worker h')
    assert.deepEqual(rows, [{ candidates: [rows[0].id], id: rows[0].id }])
  })
})
