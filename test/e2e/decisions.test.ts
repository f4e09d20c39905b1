import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import type { Foreseen } from '../../sidecar/registry/foresee.ts'
import type { RejectionDetail } from '../../sidecar/review/detail.ts'
import { type Connector, inject, kkiRecord, resolve, startConnector } from './helpers.ts'
import { until } from './process.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
type ProblemBody = { code: string; errors?: { field: string; message: string }[] }
type Preview = Foreseen & { planDigest: string }

async function openRejection({ call }: Connector, code: string): Promise<{ id: number; candidates: number[] }> {
  const { body } = await call('GET', `/v1/rejections?state=open&code=${code}`)
  const [item] = (body as { items: { id: number; candidates: number[] }[] }).items
  assert.ok(item, `there is a rejection ${code}`)
  return item
}

async function detailOf({ call }: Connector, id: number): Promise<RejectionDetail> {
  return (await call('GET', `/v1/rejections/${id}`)).body as RejectionDetail
}

async function preview({ call }: Connector, id: number, healthWorkerId: unknown): Promise<Preview> {
  const { status, body } = await call('POST', `/v1/rejections/${id}/resolve/preview`, { healthWorkerId })
  assert.equal(status, 200, JSON.stringify(body))
  return body as Preview
}

/** Decides, and waits until the decision is carried out: on a busy machine the answer comes before that. */
async function decide(connector: Connector, id: number, decision: Parameters<typeof resolve>[2]): Promise<void> {
  const { status, body } = await resolve(connector, id, decision)
  assert.ok(status < 300, JSON.stringify(body))
  await until('the decision is carried out', async () => (await detailOf(connector, id)).state === 'resolved', 120_000)
}

/** A stored person, and a row under their STR with another NIK and another name. */
async function withConflict(t: TestContext) {
  const connector = await startConnector(t)
  const stored = kkiRecord({ nama: 'dr. Siti Aminah', tempat_lahir: 'Bogor', diubah_pada: ago(120) })
  await inject(connector.simulator, [{ id: 'siti', record: stored }])
  await connector.run({})
  const conflicting = { ...stored, nik: '3171014502900777', nama: 'Siti Rahmawati', diubah_pada: ago(60) }
  await inject(connector.simulator, [{ id: 'siti', record: conflicting }])
  await connector.run({})
  return { connector, stored, conflicting, rejection: await openRejection(connector, 'IDENTITY_CONFLICT') }
}

/** Lets the batches of decisions wait until the function that comes back is called. */
async function delayDecisions({ pool }: Connector): Promise<() => Promise<void>> {
  await pool.query(`
    create function public.delay_decision() returns trigger language plpgsql as $$
    begin
      if new.data ->> 'kind' = 'apply' and exists (
        select from kki.batch where id = (new.data ->> 'batchId')::bigint and kind = 'decision'
      ) then
        new.start_after = now() + interval '1 hour';
      end if;
      return new;
    end $$;
    create trigger delay_decision before insert on pgboss.job for each row when (new.name = 'kki-apply')
      execute function public.delay_decision()`)
  return async () => {
    await pool.query(`drop trigger delay_decision on pgboss.job`)
    await pool.query(`update pgboss.job set start_after = now() where name = 'kki-apply' and state = 'created'`)
  }
}

/** A decision for a new person whose batch is held: another batch has stored the STR for Agus Pratama since. */
async function withHeldDecision(t: TestContext) {
  const connector = await startConnector(t)
  const { call, pool, run, simulator } = connector
  await pool.query(`update kki.setting set create_unmatched = 'review'`)
  const first = kkiRecord({ nama: 'Budi Hartono', diubah_pada: ago(200) })
  await inject(simulator, [{ id: 'row', record: first }])
  await run({})
  const rejection = await openRejection(connector, 'UNMATCHED')
  const { planDigest, isHarmful } = await preview(connector, rejection.id, 'new')
  assert.equal(isHarmful, false)

  const goOn = await delayDecisions(connector)
  const deciding = call('POST', `/v1/rejections/${rejection.id}/resolve`, { healthWorkerId: 'new', planDigest })
  const decided = async () => (await pool.query('select from kki.decision')).rows.length > 0
  await until('the decision is stored', decided, 30_000)
  // The same STR is stored for another person meanwhile.
  await pool.query(`update kki.setting set create_unmatched = 'create'`)
  const other = {
    ...first,
    nik: '3171014502900777',
    nama: 'Agus Pratama',
    tanggal_lahir: '1971-03-04',
    diubah_pada: ago(5)
  }
  await inject(simulator, [{ id: 'row', record: other }])
  await run({})
  const holder = async () =>
    (await pool.query(`select h.name from sdmk.registration r join sdmk.health_worker h on h.id = r.health_worker_id`))
      .rows
  // Pending rows of the STR are planned again, and the decision must not apply to them before its batch has passed the gate.
  const isPlannedAgain = async () =>
    (await pool.query(`select from kki.batch where kind = 'retry' and state = 'applied'`)).rows.length > 0
  await until('the pending row is planned again', isPlannedAgain, 60_000)
  assert.deepEqual(await holder(), [{ name: 'Agus Pratama' }])

  await goOn()
  await deciding
  const batch = async () =>
    (await pool.query(`select id, state, hold_reasons from kki.batch where kind = 'decision'`)).rows[0]
  await until('the batch of the decision is held', async () => (await batch()).state === 'held', 60_000)
  assert.deepEqual((await batch()).hold_reasons, ['EFFECTS_CHANGED'])
  assert.deepEqual(await holder(), [{ name: 'Agus Pratama' }])
  return { connector, rejection, batch, holder }
}

describe('a decision about a rejected row', () => {
  test('needs a reason if it harms a person, and the denial names the field', async t => {
    const { connector, rejection } = await withConflict(t)
    const { planDigest, isHarmful } = await preview(connector, rejection.id, 'new')
    assert.equal(isHarmful, true)
    const path = `/v1/rejections/${rejection.id}/resolve`
    const refused = await connector.call('POST', path, { healthWorkerId: 'new', planDigest })
    const { code, errors } = refused.body as ProblemBody
    assert.deepEqual([refused.status, code, errors?.[0]?.field], [400, 'VALIDATION_FAILED', '/body/reason'])
    const { rows } = await connector.pool.query('select from kki.decision')
    assert.equal(rows.length, 0)
    const body = { healthWorkerId: 'new', planDigest, reason: 'two people, seen on both cards' }
    assert.ok((await connector.call('POST', path, body)).status < 300)
  })

  test('is held if another batch has made it harmful since, and its row is pending again after it is discarded', async t => {
    const { connector, rejection, batch } = await withHeldDecision(t)
    assert.equal((await detailOf(connector, rejection.id)).decisions[0]?.batchState, 'held')
    const { id } = await batch()
    const discarded = await connector.call('POST', `/v1/batches/${id}/discard`, {
      watermark: 'keep',
      reason: 'not as it was seen'
    })
    assert.equal(discarded.status, 200, JSON.stringify(discarded.body))
    const detail = await detailOf(connector, rejection.id)
    assert.deepEqual([detail.state, detail.decidedBy], ['open', null])
  })

  test('ends the held batch of an earlier decision about the same row, which nobody can approve any more', async t => {
    const { connector, rejection, batch, holder } = await withHeldDecision(t)
    const { call, pool } = connector
    const { id: heldId } = await batch()
    const { body } = await call('GET', `/v1/batches/${heldId}`)
    const people = await pool.query<{ id: number }>(`select id from sdmk.health_worker where name = 'Agus Pratama'`)
    const healthWorkerId = people.rows[0]?.id as number
    const later = await resolve(connector, rejection.id, { healthWorkerId, reason: 'seen on the card' })
    assert.ok(later.status < 300, JSON.stringify(later.body))
    const { planDigest } = body as BatchBody
    const approved = await call('POST', `/v1/batches/${heldId}/apply`, { planDigest })
    assert.deepEqual([approved.status, (approved.body as ProblemBody).code], [409, 'BATCH_STATE'])
    const { rows } = await pool.query('select state from kki.batch where id = $1', [heldId])
    assert.deepEqual(rows, [{ state: 'discarded' }])
    await until(
      'the later decision is carried out',
      async () => (await detailOf(connector, rejection.id)).state === 'resolved',
      120_000
    )
    assert.deepEqual(await holder(), [{ name: 'Agus Pratama' }])
    const standing = (await detailOf(connector, rejection.id)).decisions.filter(
      ({ withdrawnAt }) => withdrawnAt === null
    )
    assert.deepEqual(
      standing.map(decision => decision.healthWorkerId),
      [healthWorkerId]
    )
  })

  test('is not held for a change that harms nobody', async t => {
    const connector = await startConnector(t)
    const { call, pool, run, simulator } = connector
    await pool.query(`update kki.setting set create_unmatched = 'review'`)
    await inject(simulator, [{ record: kkiRecord({ nama: 'Budi Hartono', diubah_pada: ago(200) }) }])
    await run({})
    const rejection = await openRejection(connector, 'UNMATCHED')
    const { planDigest } = await preview(connector, rejection.id, 'new')
    await inject(simulator, [{ record: kkiRecord({ nama: 'Agus Pratama', diubah_pada: ago(5) }) }])
    await run({})
    const { body } = await call('POST', `/v1/rejections/${rejection.id}/resolve`, { healthWorkerId: 'new', planDigest })
    const { id } = (body as { batch: BatchBody }).batch
    const state = async () => (await pool.query('select state from kki.batch where id = $1', [id])).rows[0].state
    await until('the batch of the decision ends', async () => ['applied', 'held'].includes(await state()), 120_000)
    assert.equal(await state(), 'applied')
  })

  test('records the former holder of the licence, and the foreseen effects', async t => {
    const { connector, rejection } = await withConflict(t)
    await decide(connector, rejection.id, { healthWorkerId: 'new', reason: 'two people, seen on both cards' })
    const { rows } = await connector.pool.query(
      `select detail from kki.audit_event where action = 'rejection.resolved'`
    )
    const { healthWorkerIds, isHarmful, reason } = rows[0].detail
    assert.deepEqual(
      [healthWorkerIds, isHarmful, reason],
      [rejection.candidates, true, 'two people, seen on both cards']
    )
  })
})

describe('a decided row', () => {
  test('keeps the values that it was compared by, with the decision and its reason', async t => {
    const { connector, rejection } = await withConflict(t)
    const before = await detailOf(connector, rejection.id)
    const [person] = rejection.candidates
    await decide(connector, rejection.id, { healthWorkerId: person, reason: 'one person, new card' })
    const after = await detailOf(connector, rejection.id)
    assert.equal(after.state, 'resolved')
    const told = ({ rows, people }: RejectionDetail) => ({
      rows: rows.map(({ settledByBatchId: _, ...row }) => row),
      people: people.map(({ name, titlePrefix, hasNik, birthPlace, registrations }) => ({
        name,
        titlePrefix,
        hasNik,
        birthPlace,
        registrations: registrations.map(({ strNumber, status }) => [strNumber, status])
      }))
    })
    assert.deepEqual(told(after), told(before))
    assert.equal(after.people[0]?.name, 'Siti Aminah')
    const [decision] = after.decisions
    assert.deepEqual(
      [decision?.healthWorkerId, decision?.healthWorkerName, decision?.isNewPerson, decision?.batchState],
      [person, 'Siti Rahmawati', false, 'applied']
    )
    assert.equal(after.decisionReason, 'one person, new card')
    assert.equal(after.rows[0]?.settledByBatchId, decision?.batchId)
  })

  test('shows the licence with its former holder, and not the person that the decision created', async t => {
    const { connector, rejection } = await withConflict(t)
    const before = await detailOf(connector, rejection.id)
    await decide(connector, rejection.id, { healthWorkerId: 'new', reason: 'two people' })
    const after = await detailOf(connector, rejection.id)
    assert.deepEqual(
      after.people.map(({ id, registrations }) => [id, registrations.map(({ id }) => id)]),
      before.people.map(({ id, registrations }) => [id, registrations.map(({ id }) => id)])
    )
    assert.deepEqual(after.rows[0]?.comparisons, before.rows[0]?.comparisons)
    assert.deepEqual([after.decisions[0]?.isNewPerson, after.decisions[0]?.healthWorkerName], [true, 'Siti Rahmawati'])
  })

  test('is open as before once an administrator has undone the batch', async t => {
    const { connector, rejection } = await withConflict(t)
    const { call } = connector
    await decide(connector, rejection.id, { healthWorkerId: 'new', reason: 'two people' })
    const [decision] = (await detailOf(connector, rejection.id)).decisions
    const undone = await call('POST', `/v1/batches/${decision?.batchId}/undo`, { reason: 'the cards were mixed up' })
    assert.ok(undone.status < 300, JSON.stringify(undone.body))
    await until('the row is open', async () => (await detailOf(connector, rejection.id)).state === 'open', 120_000)
    const detail = await detailOf(connector, rejection.id)
    assert.deepEqual(
      detail.rows.map(({ settledByBatchId }) => settledByBatchId),
      [null]
    )
    assert.ok(detail.decisions[0]?.withdrawnAt)
    assert.equal(detail.decisions[0]?.batchState, 'undone')
  })

  test('can be reopened after a mistaken dismissal, unless its row is already open', async t => {
    const { connector, conflicting, rejection } = await withConflict(t)
    const { call, pool, run, simulator } = connector
    const path = `/v1/rejections/${rejection.id}`
    const early = await call('POST', `${path}/reopen`, {})
    assert.deepEqual([early.status, (early.body as ProblemBody).code], [409, 'REJECTION_STATE'])
    const dismiss = () => call('POST', `${path}/dismiss`, { reason: 'a mistake' })
    await dismiss()
    const reopened = await call('POST', `${path}/reopen`, { reason: 'the wrong row' })
    assert.equal(reopened.status, 200, JSON.stringify(reopened.body))
    const { state, decidedBy, decisionReason } = await detailOf(connector, rejection.id)
    assert.deepEqual([state, decidedBy, decisionReason], ['open', null, null])
    const { rows } = await pool.query(`select detail from kki.audit_event where action = 'rejection.reopened'`)
    assert.deepEqual(rows[0]?.detail, {
      rejectionIds: [rejection.id],
      code: 'IDENTITY_CONFLICT',
      reason: 'the wrong row'
    })

    await dismiss()
    await inject(simulator, [{ id: 'siti', record: { ...conflicting, provinsi: 'Bali', diubah_pada: ago(5) } }])
    await run({})
    const again = await openRejection(connector, 'IDENTITY_CONFLICT')
    assert.notEqual(again.id, rejection.id)
    const refused = await call('POST', `${path}/reopen`, {})
    assert.deepEqual([refused.status, (refused.body as ProblemBody).code], [409, 'REJECTION_STATE'])
  })
})

describe('names in rejected rows', () => {
  interface Names {
    items: { id: number; name: string | null; candidates: { id: number; name: string }[] }[]
  }
  const namesOf = async ({ call }: Connector, ...ids: number[]) =>
    ((await call('POST', '/v1/rejections/names', { ids })).body as Names).items
  const find = async ({ call }: Connector, name: string) =>
    ((await call('POST', '/v1/rejections/search', { name })).body as { items: { id: number }[] }).items

  test('are shown with those of the candidates, and found by words in any order', async t => {
    const { connector, rejection } = await withConflict(t)
    const [person] = rejection.candidates
    assert.deepEqual(await namesOf(connector, rejection.id), [
      { id: rejection.id, name: 'Siti Rahmawati', candidates: [{ id: person, name: 'Siti Aminah' }] }
    ])
    for (const name of ['rahmawati siti', 'dr. SITI RAHMA', 'Aminah']) {
      assert.deepEqual(await find(connector, name), [{ id: rejection.id }], name)
    }
    for (const name of ['Siti Wulandari', 'ahmawati']) assert.deepEqual(await find(connector, name), [], name)
    const refused = await connector.call('POST', '/v1/rejections/search', { name: 'dr.' })
    assert.deepEqual([refused.status, (refused.body as ProblemBody).errors?.[0]?.field], [400, '/body/name'])
  })

  test('of rows that cannot be read are shown with long numbers masked', async t => {
    const connector = await startConnector(t)
    const record = kkiRecord({ nama: 'Wati 3171014502900777', tanggal_lahir: 'kemarin' })
    await inject(connector.simulator, [{ record }])
    await connector.run({})
    const { rows } = await connector.pool.query('select id from kki.rejection')
    const names = await namesOf(connector, ...rows.map(({ id }) => id))
    assert.ok(names.length > 0)
    for (const { name } of names) assert.equal(name, 'Wati ****************')
    assert.deepEqual((await find(connector, 'wati')).length, names.length)
  })

  test('of a restricted person are never shown, neither of the row nor of the candidate', async t => {
    const { connector, rejection } = await withConflict(t)
    const { call } = connector
    const [person] = rejection.candidates
    await call('POST', `/v1/health-workers/${person}/restrict`, { reason: 'they asked for it' })
    assert.deepEqual(await namesOf(connector, rejection.id), [{ id: rejection.id, name: null, candidates: [] }])
    for (const name of ['Siti Aminah', 'Siti Rahmawati']) assert.deepEqual(await find(connector, name), [], name)
    const { licences, people, isHarmful } = await preview(connector, rejection.id, 'new')
    assert.equal(isHarmful, true)
    assert.deepEqual(
      licences.map(({ holderBefore, holderAfter }) => [holderBefore?.name, holderAfter.name]),
      [[null, null]]
    )
    for (const { nameBefore, nameAfter } of people) assert.deepEqual([nameBefore, nameAfter], [null, null])
    const detail = await detailOf(connector, rejection.id)
    assert.ok(!/Aminah|Rahmawati/.test(JSON.stringify(detail)))
  })

  test('of restricted people are not shown among the rejected rows of a plan, nor whether they have a NIK', async t => {
    const { connector, rejection, conflicting } = await withConflict(t)
    const { call, run, simulator } = connector
    const [person] = rejection.candidates
    await call('POST', `/v1/health-workers/${person}/restrict`, { reason: 'they asked for it' })
    await inject(simulator, [
      { id: 'siti', record: { ...conflicting, provinsi: 'Bali', diubah_pada: ago(5) } },
      { id: 'other', record: kkiRecord({ nama: 'Wati Misal', status_str: 'DICABUT', diubah_pada: ago(5) }) }
    ])
    const held = await run({ apply: 'hold' })
    const { body } = await call('GET', `/v1/batches/${held.batches[0]?.id}/changes?outcome=rejected`)
    const { items } = body as { items: { nameAfter: string | null; hasNik: boolean }[] }
    assert.deepEqual(
      items.map(({ nameAfter, hasNik }) => [nameAfter, hasNik]).toSorted(),
      [
        [null, false],
        ['Wati Misal', true]
      ].toSorted()
    )
  })
})

describe('the record of who saw whose data', () => {
  test('names the rejection whose decision was previewed, and the people that a decision named', async t => {
    const { connector, rejection } = await withConflict(t)
    const { pool, simulator, run } = connector
    const shown = async (channel: string) =>
      (
        await pool.query(
          'select people::text, rejections::text, unnamed from kki.disclosure where channel = $1 order by id desc limit 1',
          [channel]
        )
      ).rows[0]
    const [person] = rejection.candidates as [number]
    const one = (id: number) => `{[${id},${id + 1})}`
    await preview(connector, rejection.id, 'new')
    assert.deepEqual(await shown('POST /v1/rejections/:id/resolve/preview'), {
      people: one(person),
      rejections: one(rejection.id),
      unnamed: 1
    })
    await inject(simulator, [{ record: kkiRecord({ nama: 'Agus Pratama', diubah_pada: ago(5) }) }])
    await run({})
    const { rows } = await pool.query(`select id from sdmk.health_worker where name = 'Agus Pratama'`)
    await decide(connector, rejection.id, { healthWorkerId: rows[0].id, reason: 'his, by mistake under hers' })
    await detailOf(connector, rejection.id)
    const { people } = await shown('GET /v1/rejections/:id')
    for (const id of [person, rows[0].id]) {
      const { rows: found } = await pool.query('select $1::int8multirange @> $2::bigint as has', [people, id])
      assert.ok(found[0].has, `health worker ${id}`)
    }
  })
})

describe('the preview of a decision', () => {
  test('calls a licence that a newer one replaces no harm, as the rule about reasons does', async t => {
    const connector = await startConnector(t)
    const { pool, run, simulator } = connector
    const stored = kkiRecord({ nama: 'Siti Aminah', berlaku_sampai: '2030-01-01', diubah_pada: ago(120) })
    await inject(simulator, [{ id: 'siti', record: stored }])
    await run({})
    const { rows } = await pool.query('select id from sdmk.health_worker')
    const next = {
      ...stored,
      nomor_str: kkiRecord().nomor_str,
      nik: '3171014502900777',
      berlaku_sampai: '2035-01-01',
      tanggal_terbit: '2029-12-01'
    }
    await pool.query(`update kki.setting set create_unmatched = 'review'`)
    await inject(simulator, [{ id: 'next', record: { ...next, nama: 'Rahmawati', diubah_pada: ago(60) } }])
    await run({})
    const rejection = await openRejection(connector, 'UNMATCHED')
    const foreseen = await preview(connector, rejection.id, rows[0].id)
    for (const licence of foreseen.licences.filter(({ statusAfter }) => statusAfter === 'replaced')) {
      assert.equal(licence.isHarmful, false)
    }
    const harmed = [...foreseen.licences, ...foreseen.people].filter(effect => effect.isHarmful)
    assert.equal(foreseen.isHarmful, harmed.length > 0)
  })
})
