import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { type Connector, dumpRegistry, inject, kkiRecord, startConnector } from './helpers.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
const known = () => Array.from({ length: 40 }, () => kkiRecord())
const revoked = (record: Record<string, unknown>) => ({ ...record, status_str: 'DICABUT', diubah_pada: ago(60) })

type Changes = {
  summary: { ledger: { deactivated: number }; undo: { peopleLeft: number } | null } | null
  items: { outcome: string; statusBefore: string; statusAfter: string; hasNik: boolean; nameAfter: string }[]
  next: number | null
}
type ApplyPreview = Pick<Changes, 'summary'> & Pick<BatchBody, 'planDigest'>

/** Loads 40 people, then lets KKI revoke 25 of their licences: a batch that is held. */
async function withHeldBatch(connector: Connector) {
  const records = known()
  await inject(
    connector.simulator,
    records.map(record => ({ record }))
  )
  assert.equal((await connector.run({ mode: 'incremental' })).state, 'applied')
  await inject(
    connector.simulator,
    records.slice(0, 25).map(record => ({ record: revoked(record) }))
  )
  const before = await dumpRegistry(connector.pool)
  const run = await connector.run({ mode: 'incremental' })
  const batch = run.batches[0] as BatchBody
  return { records, before, run, batch }
}

const actions = async ({ pool }: Connector, batchId: number) => {
  const { rows } = await pool.query('select action, actor from kki.audit_event where batch_id = $1 order by id', [
    batchId
  ])
  return rows.map(({ action, actor }) => `${action} ${actor}`)
}

describe('a batch on hold', () => {
  test('changes nothing until it is applied with the digest of its plan', async t => {
    const connector = await startConnector(t)
    const { call, pool } = connector
    const { batch, before, run } = await withHeldBatch(connector)
    assert.equal(run.state, 'held')
    assert.equal(batch.state, 'held')
    assert.deepEqual(batch.holdReasons, ['DEACTIVATIONS'])
    assert.equal(batch.ledger.deactivated, 25)
    const { rows: held } = await pool.query(`select detail from kki.audit_event where action = 'batch.held'`)
    assert.equal(held[0].detail.deactivated, 25)
    assert.deepEqual(await dumpRegistry(pool), before)

    const changes = (await call('GET', `/v1/batches/${batch.id}/changes?effect=deactivated&limit=20`)).body as Changes
    assert.equal(changes.summary?.ledger.deactivated, 25)
    assert.equal(changes.items.length, 20)
    assert.equal(changes.items[0]?.hasNik, true)
    assert.deepEqual([changes.items[0]?.statusBefore, changes.items[0]?.statusAfter], ['active', 'revoked'])
    const rest = await call('GET', `/v1/batches/${batch.id}/changes?effect=deactivated&limit=20&after=${changes.next}`)
    assert.equal((rest.body as Changes).items.length, 5)

    const refused = await call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: 'another' })
    assert.equal(refused.status, 409)
    assert.deepEqual(
      [(refused.body as { code: string }).code, (refused.body as BatchBody).planDigest],
      ['PLAN_CHANGED', batch.planDigest]
    )
    const preview = (await call('GET', `/v1/batches/${batch.id}/apply/preview`)).body as ApplyPreview
    assert.deepEqual([preview.planDigest, preview.summary], [batch.planDigest, changes.summary])
    const reason = 'KKI confirms the list'
    const applied = await call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: preview.planDigest, reason })
    assert.equal(applied.status, 200, JSON.stringify(applied.body))
    assert.equal((applied.body as BatchBody).state, 'applied')
    assert.equal((applied.body as BatchBody).ledger.deactivated, 25)
    const { rows: approved } = await pool.query(`select detail from kki.audit_event where action = 'batch.approved'`)
    assert.equal(approved[0].detail.reason, reason)
    const late = await call('GET', `/v1/batches/${batch.id}/apply/preview`)
    assert.deepEqual([late.status, (late.body as { code: string }).code], [409, 'BATCH_STATE'])
    assert.deepEqual(await actions(connector, batch.id), [
      'batch.held sidecar',
      'batch.approved test',
      'batch.applied test'
    ])
    const again = await call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: batch.planDigest })
    assert.deepEqual([again.status, (again.body as { code: string }).code], [409, 'BATCH_STATE'])
  })

  test('is planned again, and held again, if the registry has changed', async t => {
    const connector = await startConnector(t)
    const { call, pool, simulator, run } = connector
    const { batch, records } = await withHeldBatch(connector)
    await inject(simulator, [{ record: { ...records[0], provinsi: 'Bali', diubah_pada: '2026-02-02T00:00:00Z' } }])
    const window = { mode: 'window', changedSince: '2026-02-01T00:00:00Z', changedUntil: '2026-02-03T00:00:00Z' }
    assert.equal((await run(window)).state, 'applied')
    const before = await dumpRegistry(pool)
    const refused = await call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: batch.planDigest })
    assert.equal(refused.status, 409)
    const { code, planDigest } = refused.body as { code: string; planDigest: string }
    assert.equal(code, 'PLAN_CHANGED')
    assert.notEqual(planDigest, batch.planDigest)
    assert.deepEqual(await dumpRegistry(pool), before)
    const applied = await call('POST', `/v1/batches/${batch.id}/apply`, { planDigest })
    assert.equal((applied.body as BatchBody).state, 'applied', JSON.stringify(applied.body))
  })

  test('does not keep its run open, and a newer run replaces it', async t => {
    const connector = await startConnector(t)
    const { call, run, app } = connector
    const { batch } = await withHeldBatch(connector)
    const gauge = (await app.inject({ url: '/metrics' })).body
    assert.match(gauge, /^sdmk_batches_held 1$/m)
    assert.match(gauge, /^sdmk_kki_batches_held_total\{reason="DEACTIVATIONS"\} 1$/m)
    const newer = await run({ mode: 'incremental' })
    assert.equal(newer.batches[0]?.state, 'held')
    assert.equal(((await call('GET', `/v1/batches/${batch.id}`)).body as BatchBody).state, 'superseded')
    assert.ok((await actions(connector, batch.id)).includes('batch.superseded sidecar'))
    const refused = await call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: batch.planDigest })
    assert.equal((refused.body as { code: string }).code, 'BATCH_STATE')
  })

  for (const watermark of ['keep', 'advance'] as const) {
    test(`is discarded with the choice to ${watermark} the watermark`, async t => {
      const connector = await startConnector(t)
      const { call, pool } = connector
      const { batch, before } = await withHeldBatch(connector)
      const unnamed = await call('POST', `/v1/batches/${batch.id}/discard`, { watermark })
      assert.equal(unnamed.status, 400)
      const withNik = await call('POST', `/v1/batches/${batch.id}/discard`, { watermark, reason: '3171010101900001' })
      assert.equal(withNik.status, 400)
      const discarded = await call('POST', `/v1/batches/${batch.id}/discard`, { watermark, reason: 'KKI: a mistake' })
      assert.equal(discarded.status, 200, JSON.stringify(discarded.body))
      assert.equal((discarded.body as BatchBody).state, 'discarded')
      assert.deepEqual(await dumpRegistry(pool), before)
      const { rows } = await pool.query<{ position: Date; run_id: number }>(
        'select position, run_id from kki.watermark'
      )
      // Two runs within one second of KKI's clock share their window's end.
      const isSeen =
        watermark === 'advance'
          ? rows[0]?.position.toISOString() === batch.windowUntil
          : rows[0]?.run_id === batch.runId
      assert.equal(isSeen, watermark === 'advance')
    })
  }

  test('is held in every batch of a run with the option to hold', async t => {
    const { run, simulator, pool, call } = await startConnector(t)
    await inject(simulator, [{ record: kkiRecord() }])
    const held = await run({ mode: 'full', apply: 'hold', professions: ['doctor', 'dentist'] })
    assert.equal(held.apply, 'hold')
    assert.deepEqual(
      held.batches.map(({ state, holdReasons }) => [state, holdReasons]),
      [
        ['held', ['REQUESTED']],
        ['held', ['REQUESTED']]
      ]
    )
    assert.deepEqual(await dumpRegistry(pool), [])
    for (const { id, planDigest } of held.batches) await call('POST', `/v1/batches/${id}/apply`, { planDigest })
    assert.equal((await dumpRegistry(pool)).length, 1)
    assert.equal(((await call('GET', `/v1/runs/${held.id}`)).body as RunBody).state, 'applied')
  })

  test('shows the reasons of its rejected rows before the decision', async t => {
    const { run, simulator, call } = await startConnector(t)
    const [unreadable, unknown, good] = [
      Array.from({ length: 20 }, () => kkiRecord({ tanggal_lahir: 'kemarin' })),
      Array.from({ length: 2 }, () => kkiRecord({ status_str: 'DICABUT' })),
      Array.from({ length: 3 }, () => kkiRecord())
    ]
    await inject(
      simulator,
      [...unreadable, ...unknown, ...good].map(record => ({ record }))
    )
    const held = await run({ mode: 'full' })
    const [batch] = held.batches as [BatchBody]
    assert.deepEqual([batch.state, batch.holdReasons], ['held', ['SCHEMA_CHANGED']])
    assert.equal(batch.ledger.rejected, 22)
    type Body = Changes & {
      items: { codes: string[]; strNumber: string }[]
      summary: { codes: object[]; professions: { rejected: number; created: number }[] }
    }
    const { body } = await call('GET', `/v1/batches/${batch.id}/changes?outcome=rejected&limit=15`)
    const { items, next, summary } = body as Body
    assert.deepEqual(summary.codes, [
      { code: 'DATE_INVALID', count: 20 },
      { code: 'STR_INACTIVE', count: 2 }
    ])
    assert.deepEqual(
      summary.professions.map(({ created, rejected }) => [created, rejected]),
      [[3, 22]]
    )
    const rest = await call('GET', `/v1/batches/${batch.id}/changes?outcome=rejected&limit=15&after=${next}`)
    const shown = [...items, ...(rest.body as Body).items]
    assert.deepEqual(
      shown.map(({ strNumber }) => strNumber).toSorted(),
      [...unreadable, ...unknown].map(({ nomor_str }) => String(nomor_str)).toSorted()
    )
    const codes = new Set(shown.map(item => item.codes.join()))
    assert.deepEqual(codes, new Set(['DATE_INVALID', 'STR_INACTIVE']))
  })

  test('that is a first load also holds the runs of the schedule, until it is applied', async t => {
    const { run, simulator, pool, call } = await startConnector(t)
    await inject(simulator, [{ record: kkiRecord() }])
    const first = await run({ mode: 'full', apply: 'hold' })
    const scheduled = await run({ mode: 'incremental' })
    assert.deepEqual([scheduled.state, scheduled.batches[0]?.holdReasons], ['held', ['REQUESTED']])
    assert.deepEqual(await dumpRegistry(pool), [])
    const { id, planDigest } = first.batches[0] as BatchBody
    assert.equal((await call('POST', `/v1/batches/${id}/apply`, { planDigest })).status, 200)
    assert.equal((await run({ mode: 'incremental' })).state, 'applied')
    assert.equal((await dumpRegistry(pool)).length, 1)
  })
})

describe('an applied batch', () => {
  test('is undone, and the next run fetches it again and is held', async t => {
    const connector = await startConnector(t)
    const { call, pool, run, simulator } = connector
    const records = known().slice(0, 5)
    await inject(
      simulator,
      records.map(record => ({ record: { ...record, diubah_pada: ago(120) } }))
    )
    const loaded = await run({ mode: 'incremental' })
    const first = loaded.batches[0] as BatchBody
    const undone = await call('POST', `/v1/batches/${first.id}/undo`, { reason: 'loaded from the wrong KKI' })
    assert.equal(undone.status, 200, JSON.stringify(undone.body))
    assert.equal((undone.body as BatchBody).state, 'undone')
    assert.deepEqual(await dumpRegistry(pool), [])
    const changes = (await call('GET', `/v1/batches/${first.id}/changes`)).body as Changes
    assert.equal(changes.summary?.undo?.peopleLeft, 0)

    const next = await run({ mode: 'incremental' })
    const again = next.batches[0] as BatchBody
    assert.deepEqual([again.state, again.holdReasons, again.windowSince], ['held', ['UNDONE_WINDOW'], null])
    await call('POST', `/v1/batches/${again.id}/apply`, { planDigest: again.planDigest })
    assert.equal((await dumpRegistry(pool)).length, 5)
    assert.equal(((await call('GET', `/v1/batches/${first.id}`)).body as BatchBody).refetchedBy, again.runId)
    assert.equal((await run({ mode: 'incremental' })).state, 'applied')
  })

  test('shows its changes, and is not undone twice', async t => {
    const connector = await startConnector(t)
    const { call, run, simulator } = connector
    await inject(simulator, [{ record: kkiRecord() }])
    const { batches } = await run({ mode: 'incremental' })
    const id = batches[0]?.id
    const changes = (await call('GET', `/v1/batches/${id}/changes`)).body as Changes
    assert.deepEqual(
      changes.items.map(({ outcome, statusBefore, statusAfter }) => [outcome, statusBefore, statusAfter]),
      [['created', null, 'active']]
    )
    await call('POST', `/v1/batches/${id}/undo`, { reason: 'a trial' })
    const again = await call('POST', `/v1/batches/${id}/undo`, { reason: 'a trial' })
    assert.deepEqual([again.status, (again.body as { code: string }).code], [409, 'BATCH_STATE'])
  })
})
