import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { IdentityKeys } from '../../sidecar/identity/keys.ts'
import type { JobQueue } from '../../sidecar/platform/queue.ts'
import { applyPlan } from '../../sidecar/registry/apply.ts'
import { findAffected } from '../../sidecar/registry/pending.ts'
import { planBatch } from '../../sidecar/registry/plan.ts'
import { undoBatch } from '../../sidecar/registry/undo.ts'
import { type Batch, readBatch } from '../../sidecar/sync/batch.ts'
import { cancelRun } from '../../sidecar/sync/cancel-run.ts'
import { applyPlanned } from '../../sidecar/sync/plan-and-apply.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { candidate, createRegistry, decide, planOptions, stageRows } from './helpers.ts'

const revoked = { status: 'revoked', sourceStatus: 'DICABUT' } as const
const dead = { status: 'deceased', sourceStatus: 'MENINGGAL' } as const
const at = (month: number) => new Date(Date.UTC(2026, month - 1, 1)).toISOString()
const told = (row: Candidate, month: number, given: Partial<Candidate> = {}): Candidate => ({
  ...row,
  changedAt: at(month),
  contentHash: candidate().contentHash,
  ...given
})

/** Another licence of the same person. */
const another = ({ nik, name, nameKey }: Candidate, given: Partial<Candidate> = {}) =>
  candidate({ nik, name, nameKey, ...given })
/** A deactivation with only these readable fields. */
const unreadableBut = (code: 'DATE_INVALID' | 'PROFESSION_UNKNOWN', instancePath: string): Partial<Candidate> => ({
  ...revoked,
  deactivationOnly: true,
  problems: [{ code, instancePath, params: { reason: 'format' } }]
})
const revokedWithFault = unreadableBut('DATE_INVALID', '/tanggal_lahir')
const revokedWithoutProfession = { ...unreadableBut('PROFESSION_UNKNOWN', '/profesi'), profession: '' }

async function setUp(t: TestContext) {
  const registry = await createRegistry(t)
  const { pool, database, identity } = registry
  return {
    ...registry,
    decide: (row: Candidate, healthWorkerId: number | null) => decide(registry, row, healthWorkerId),
    licence: async (row: Candidate) =>
      (
        await pool.query(
          `select health_worker_id as holder, status, stated_status as stated, replaced_by from sdmk.registration where str_number = $1 and profession = $2`,
          [row.strNumber, row.profession]
        )
      ).rows[0],
    affected: async (batchId: number) =>
      (await database.withTransaction(client => findAffected(client, batchId, { after: 0, limit: 1000 }))).length,
    review: async () => (await pool.query('select code, state, urgent from kki.rejection order by id')).rows,
    undo: async (batchId: number) => {
      await pool.query(`update kki.batch set state = 'applied' where id = $1`, [batchId])
      await database.withTransaction(client => undoBatch(client, batchId, identity, '2026-06-01'))
      await pool.query(`update kki.batch set state = 'undone' where id = $1`, [batchId])
    }
  }
}

// An urgent deactivation with an unreadable stamp: rejected for its content, as `createTransform` returns it.
const unreadable = (row: Candidate, urgent = true) => ({
  transform: () => ({
    ok: false as const,
    rejections: [{ code: 'DATE_INVALID' as const, instancePath: '/diubah_pada', params: { reason: 'format' } }],
    strNumber: row.strNumber,
    profession: row.profession,
    urgent
  })
})

describe('deactivations and decisions', { concurrency: true }, () => {
  test('a deactivation with another fault that arrived before its licence is planned again when the licence arrives', async t => {
    const r = await setUp(t)
    const licence = candidate()
    const ending = told(licence, 3, revokedWithFault)
    await r.apply(ending)
    const brought = await r.apply(told(licence, 2))
    assert.equal(brought.summary.created, 1)
    assert.equal(await r.affected(brought.batchId), 1, JSON.stringify(await r.review()))
  })

  test('a deactivation with an impossible NIK that arrived before its licence is planned again too', async t => {
    const r = await setUp(t)
    const licence = candidate()
    await r.apply(
      told(licence, 3, {
        ...revoked,
        nik: null,
        problems: [{ code: 'NIK_INVALID', instancePath: '/nik', params: { reason: 'length' } }]
      })
    )
    const brought = await r.apply(told(licence, 2))
    assert.equal(await r.affected(brought.batchId), 1, JSON.stringify(await r.review()))
  })

  test('a deactivation without a readable profession, in one batch with its licence, is applied or planned again', async t => {
    const r = await setUp(t)
    const licence = candidate()
    const ending = told(licence, 3, revokedWithoutProfession)
    const both = await r.apply(told(licence, 2), ending)
    const { status } = await r.licence(licence)
    const [d] = await r.review()
    assert.ok(status === 'revoked' || d?.urgent || (await r.affected(both.batchId)) === 1, JSON.stringify([status, d]))
  })

  test('a death that was rejected as unmatched is planned again once a known person gets its NIK', async t => {
    const r = await setUp(t)
    const foreigner = candidate({ nik: null, birthDate: null })
    await r.apply(foreigner)
    const nik = '3171014502900777'
    const same = { name: foreigner.name, nameKey: foreigner.nameKey, birthDate: null }
    const death = candidate({ ...same, nik, ...dead, changedAt: at(3) })
    const refused = await r.apply(death)
    assert.deepEqual(refused.outcomes[0]?.codes, ['STR_INACTIVE'])
    const brought = await r.apply(told(foreigner, 4, { nik }))
    assert.equal(brought.summary.updated, 1)
    assert.equal(await r.affected(brought.batchId), 1, JSON.stringify([await r.licence(foreigner), await r.review()]))
  })

  test('a deactivation that was dismissed while unmatched is planned again when its licence arrives', async t => {
    const r = await setUp(t)
    const licence = candidate()
    await r.apply(told(licence, 3, revoked))
    await r.pool.query(`update kki.rejection set state = 'dismissed'`)
    const brought = await r.apply(told(licence, 2))
    assert.equal(await r.affected(brought.batchId), 1, JSON.stringify([await r.licence(licence), await r.review()]))
  })

  test('a dismissed rejection does not hide its row when the row becomes urgent', async t => {
    const r = await setUp(t)
    const licence = candidate()
    const ending = told(licence, 3, revokedWithFault)
    await r.apply(ending)
    await r.pool.query(`update kki.rejection set state = 'dismissed'`)
    await r.apply(told(licence, 2, { nik: '3171014502900777' }))
    const again = await r.apply(ending)
    assert.equal(again.outcomes[0]?.urgent, true)
    assert.ok(
      (await r.review()).some(d => d.state === 'open' && d.urgent),
      JSON.stringify(await r.review())
    )
  })

  test('a decision that another batch carried out first still gives the person the NIK', async t => {
    const r = await setUp(t)
    const stored = candidate({ name: 'Siti Aminah' })
    await r.apply(stored)
    const row = told(stored, 2, { nik: '3171014502900777' })
    await r.apply(row)
    await r.decide(row, (await r.licence(stored)).holder)
    await r.apply(row)
    await r.applyWith({ kind: 'decision' }, row)
    const { rows } = await r.pool.query('select nik_digest from sdmk.health_worker')
    assert.deepEqual(rows, [{ nik_digest: r.identity.digestNik('3171014502900777') }])
  })

  test('a decision about an older row does not bring a revoked licence back', async t => {
    const r = await setUp(t)
    const stored = candidate({ name: 'Budi Hartono' })
    await r.apply(stored)
    const row = told(stored, 2, { nik: '3171014502900888', name: 'Dewi Lestari', nameKey: 'DEWI LESTARI' })
    await r.apply(row)
    await r.apply(told(stored, 4, revoked))
    await r.decide(row, null)
    await r.applyWith({ kind: 'decision' }, row)
    const l = await r.licence(stored)
    assert.ok(
      l.status === 'revoked' || (await r.review()).some(d => d.state === 'open' && d.urgent),
      JSON.stringify([l, await r.review()])
    )
  })

  test('a new person who gets the licence of a deceased person is not deceased', async t => {
    const r = await setUp(t)
    const first = candidate({ name: 'Budi Hartono' })
    await r.apply(first)
    const shared = another(first, { profession: 'dentist' })
    await r.apply(shared)
    await r.apply(told(first, 2, dead))
    assert.equal((await r.licence(shared)).status, 'deceased')
    const row = told(shared, 3, { nik: '3171014502900888', name: 'Dewi Lestari', nameKey: 'DEWI LESTARI' })
    await r.decide(row, null)
    const done = await r.applyWith({ kind: 'decision' }, row)
    assert.equal(done.outcomes[0]?.outcome, 'created')
    assert.equal((await r.licence(shared)).status, 'active')
  })

  test('a new person who gets a replaced licence has an active one', async t => {
    const r = await setUp(t)
    const first = candidate({ name: 'Budi Hartono', issuedOn: '2015-01-01' })
    await r.apply(first)
    await r.apply(another(first))
    assert.equal((await r.licence(first)).status, 'replaced')
    const row = told(first, 3, { nik: '3171014502900888', name: 'Dewi Lestari', nameKey: 'DEWI LESTARI' })
    await r.decide(row, null)
    await r.applyWith({ kind: 'decision' }, row)
    const { status, replaced_by } = await r.licence(first)
    assert.deepEqual([status, replaced_by], ['active', null])
  })

  test('undoing a death restores a licence that came after it', async t => {
    const r = await setUp(t)
    const first = candidate()
    await r.apply(first)
    const death = await r.apply(told(first, 2, dead))
    const second = another(first, { profession: 'dentist' })
    await r.apply(second)
    assert.equal((await r.licence(second)).status, 'deceased')
    await r.undo(death.batchId)
    assert.equal((await r.licence(first)).status, 'active')
    assert.equal((await r.licence(second)).status, 'active')
  })

  test('undoing the withdrawal of a death deactivates a licence that came since', async t => {
    const r = await setUp(t)
    const first = candidate()
    await r.apply(first)
    await r.apply(told(first, 2, dead))
    const back = await r.apply(told(first, 3))
    const second = another(first, { profession: 'dentist' })
    await r.apply(second)
    assert.equal((await r.licence(second)).status, 'active')
    await r.undo(back.batchId)
    assert.equal((await r.licence(first)).status, 'deceased')
    assert.equal((await r.licence(second)).status, 'deceased')
  })

  test('an undo removes a licence that stated a death', async t => {
    const r = await setUp(t)
    const first = candidate()
    await r.apply(first)
    const death = await r.apply(another(first, { ...dead, profession: 'dentist' }))
    const second = another(first, { profession: 'nurse' })
    await r.apply(second)
    assert.equal((await r.licence(second)).status, 'deceased')
    await r.undo(death.batchId)
    assert.equal((await r.licence(first)).status, 'active')
    assert.equal((await r.licence(second)).status, 'active')
  })

  test('a decided deactivation that is older than the stored row is urgent', async t => {
    const r = await setUp(t)
    const stored = candidate({ name: 'Siti Aminah' })
    await r.apply(stored)
    await r.decide(stored, (await r.licence(stored)).holder)
    await r.apply(told(stored, 3))
    const stale = await r.apply(told(stored, 2, revoked))
    assert.deepEqual(stale.outcomes[0]?.warnings, ['STALE'])
    assert.equal(stale.outcomes[0]?.urgent, true)
  })

  test('a deactivation without a profession that is older than the stored row is urgent', async t => {
    const r = await setUp(t)
    const stored = candidate()
    await r.apply(told(stored, 3))
    const stale = await r.apply(told(stored, 2, revokedWithoutProfession))
    assert.equal(stale.outcomes[0]?.urgent, true, JSON.stringify(stale.outcomes))
  })

  test('a deactivation without a profession that is older than one of two licences is urgent for it', async t => {
    const r = await setUp(t)
    const doctor = candidate()
    await r.apply(doctor)
    const dentist = { ...doctor, profession: 'dentist' }
    await r.apply(told(dentist, 4))
    const stale = await r.apply(told(doctor, 2, revokedWithoutProfession))
    assert.equal((await r.licence(doctor)).status, 'revoked')
    assert.ok(
      (await r.licence(dentist)).status === 'revoked' || stale.outcomes[0]?.urgent,
      JSON.stringify(stale.outcomes)
    )
  })

  test('a deactivation of a new person who resembles a known one is urgent', async t => {
    const r = await setUp(t)
    const same = { name: 'Agus Salim', nameKey: 'AGUS SALIM' }
    const foreign = candidate({ ...same, nik: null, changedAt: at(1) })
    const one = candidate({ ...same, nik: '3171014502900777', changedAt: at(2) })
    const death = candidate({
      ...same,
      nik: '3171014502900777',
      birthPlace: null,
      birthPlaceKey: null,
      ...dead,
      profession: 'dentist'
    })
    const met = await r.apply(foreign, one, death)
    assert.deepEqual(
      met.outcomes.map(o => [o.codes[0], o.urgent]),
      [
        [undefined, false],
        ['POSSIBLE_DUPLICATE', false],
        ['POSSIBLE_DUPLICATE', true]
      ]
    )
  })

  test('an import does not close an urgent deactivation of KKI', async t => {
    const r = await setUp(t)
    const licence = candidate()
    await r.apply(licence)
    await r.applyWith(unreadable(licence), told(licence, 5, revoked))
    assert.deepEqual(
      (await r.review()).map(d => [d.state, d.urgent]),
      [['open', true]]
    )
    const own = {
      ...licence,
      contentHash: candidate().contentHash,
      changedAt: '-infinity',
      personAt: 'infinity'
    } as unknown as Candidate
    const done = await r.applyWith({ kind: 'import', hasOwnPeople: true }, own)
    assert.notEqual(done.outcomes[0]?.outcome, 'rejected')
    assert.deepEqual(
      (await r.review()).map(d => d.state),
      ['open']
    )
  })

  test('a batch that was fetched earlier does not close an urgent deactivation', async t => {
    const r = await setUp(t)
    const licence = candidate()
    await r.apply(licence)
    const held = await stageRows(r.database, r.identity, [told(licence, 2)])
    await r.applyWith(unreadable(licence), told(licence, 5, revoked))
    assert.deepEqual(
      (await r.review()).map(d => [d.state, d.urgent]),
      [['open', true]]
    )
    await r.database.withTransaction(client => planBatch(client, held, r.identity, planOptions))
    await r.database.withTransaction(client => applyPlan(client, held, r.identity, '2026-06-01'))
    assert.deepEqual(
      (await r.review()).map(d => d.state),
      ['open']
    )
  })

  test('a death of a new person who waits for a reviewer is planned again once the person is created', async t => {
    const r = await setUp(t)
    const one = candidate()
    const death = another(one, { ...dead, profession: 'dentist' })
    await r.applyWith({ createUnmatched: 'review' }, one, death)
    await r.decide(one, null)
    const brought = await r.applyWith({ kind: 'decision', createUnmatched: 'review' }, one)
    assert.equal(brought.summary.created, 1)
    assert.equal(await r.affected(brought.batchId), 1, JSON.stringify([await r.licence(one), await r.review()]))
  })

  test('undoing a decision does not give the former holder later statements about the new one', async t => {
    const r = await setUp(t)
    const stored = candidate({ name: 'Budi Hartono' })
    await r.apply(stored)
    const before = (await r.licence(stored)).holder
    const row = told(stored, 2, { nik: '3171014502900888', name: 'Dewi Lestari', nameKey: 'DEWI LESTARI' })
    await r.decide(row, null)
    const decided = await r.applyWith({ kind: 'decision' }, row)
    await r.pool.query('update kki.decision set batch_id = $1', [decided.batchId])
    const dewi = (await r.licence(stored)).holder
    assert.notEqual(dewi, before)
    await r.apply(told(row, 3, revoked))
    await r.undo(decided.batchId)
    const l = await r.licence(stored)
    assert.ok(l.holder === dewi || l.status === 'active', JSON.stringify([before, dewi, l]))
  })

  test('a decision whose batch was cancelled before it was carried out has no effect', async t => {
    const r = await setUp(t)
    const stored = candidate({ name: 'Budi Hartono' })
    await r.apply(stored)
    const row = told(stored, 2, { nik: '3171014502900888', name: 'Dewi Lestari', nameKey: 'DEWI LESTARI' })
    await r.apply(row)
    await r.decide(row, null)
    const batchId = await stageRows(r.database, r.identity, [row], { kind: 'decision' })
    await r.pool.query('update kki.decision set batch_id = $1', [batchId])
    const { rows } = await r.pool.query('select run_id from kki.batch where id = $1', [batchId])
    await r.database.withTransaction(client =>
      cancelRun(client, rows[0].run_id, { actor: 'x', apiKeyId: null, requestId: 'x', traceId: '0'.repeat(32) })
    )
    const { outcomes } = await r.apply(told(row, 3))
    assert.notEqual(outcomes[0]?.rule, 0, JSON.stringify(outcomes))
  })

  test('the batch that brought a NIK can be undone after a deactivation was planned again by it', async t => {
    const r = await setUp(t)
    const a = candidate()
    await r.apply(a)
    const d = await r.apply(told(a, 2, dead))
    const e = await r.apply(told(a, 1, { profession: 'dentist' }))
    assert.equal((await r.licence({ ...a, profession: 'dentist' })).status, 'deceased')
    await r.undo(e.batchId)
    await r.undo(d.batchId)
    assert.equal((await r.licence(a)).status, 'active')
  })

  test('an unreadable row does not close another person’s deactivation', async t => {
    const r = await setUp(t)
    const licence = candidate()
    await r.apply(licence)
    const ending = told(licence, 4, {
      ...revoked,
      nik: '3171014502900777',
      name: 'Dewi Lestari',
      nameKey: 'DEWI LESTARI',
      deactivationOnly: true,
      problems: [{ code: 'DATE_INVALID', instancePath: '/tanggal_lahir', params: { reason: 'format' } }]
    })
    const met = await r.apply(ending)
    assert.deepEqual([met.outcomes[0]?.codes, met.outcomes[0]?.urgent], [['DATE_INVALID'], true])
    await r.applyWith(unreadable(licence, false), told(licence, 3))
    await r.apply(told(licence, 5))
    assert.deepEqual(
      (await r.review()).map(d => [d.state, d.urgent]),
      [['open', true]]
    )
  })

  test('an unreadable urgent row is settled by a deactivation, and not by an active row', async t => {
    const r = await setUp(t)
    const licence = candidate()
    await r.apply(licence)
    await r.applyWith(unreadable(licence), told(licence, 3))
    await r.apply(told(licence, 4))
    assert.deepEqual(
      (await r.review()).map(d => [d.state, d.urgent]),
      [['open', true]]
    )
    await r.apply(told(licence, 5, revoked))
    assert.deepEqual(
      (await r.review()).map(d => d.state),
      ['cleared']
    )
  })

  test('of two rows of one licence and person the newest counts, whichever was decided', async t => {
    const r = await setUp(t)
    const stored = candidate({ name: 'Budi Hartono' })
    await r.apply(stored)
    const { holder } = await r.licence(stored)
    const other = told(stored, 2, { nik: null, name: 'Rahmat Saleh', nameKey: 'RAHMAT SALEH' })
    await r.pool.query(
      `insert into kki.decision (str_number, name_key, health_worker_id, decided_by) values ($1, $2, $3, 'verifier')`,
      [other.strNumber, other.nameKey, holder]
    )
    const both = await r.apply(other, told(stored, 4, revoked))
    const { status } = await r.licence(stored)
    assert.ok(
      status === 'revoked' || both.outcomes[1]?.urgent,
      JSON.stringify([status, both.outcomes, await r.review()])
    )
  })

  test('an expiry stays when a batch that was planned days before is applied', async t => {
    const r = await setUp(t)
    const old = candidate({ validUntil: '2026-06-01', isLifetime: false })
    await r.apply(old)
    const second = another(old, { profession: 'dentist' })
    await r.applyWith({ asOf: '2026-06-02' }, second)
    assert.equal((await r.licence(old)).status, 'expired')
    const held = await stageRows(r.database, r.identity, [told(second, 3)])
    await r.database.withTransaction(client => planBatch(client, held, r.identity, planOptions))
    await r.pool.query(
      `update kki.batch set state = 'planned', as_of = '2026-06-01', plan_digest = 'x', fetched = 1, updated = 1 where id = $1`,
      [held]
    )
    const queue = { send: async () => 'job' } as unknown as JobQueue
    const identity: IdentityKeys = {
      ...r.identity,
      auditKey: async () => null,
      auditHeads: () => []
    }
    const context = { queue, identity, timeZone: 'Asia/Jakarta' }
    await r.database.withTransaction(async client =>
      applyPlanned(context, client, (await readBatch(client, held)) as Batch)
    )
    assert.equal((await r.licence(old)).status, 'expired')
  })
})
