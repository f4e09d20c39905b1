import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import type { ProfessionChanges } from '../../sidecar/registry/change-counts.ts'
import type { Change } from '../../sidecar/registry/changes.ts'
import type { ForeseenUndo, UndoReport } from '../../sidecar/registry/undo.ts'
import type { Excess } from '../../sidecar/sync/gate.ts'
import { inject, kkiRecord, startConnector } from './helpers.ts'

interface Changes {
  summary: {
    ledger: BatchBody['ledger']
    stampOnly: number
    namesChanged: number
    excesses: Excess[]
    professions: ProfessionChanges[]
    undo: (UndoReport & { actor: string; reason: string; at: string }) | null
  }
  items: Change[]
  next: number | null
}

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

/**
 * A batch that waits: it revokes 25 licences, renames 5 people, gives 3 another province and 5 nothing but a stamp, brings
 * one nurse, and has a doctor and a nurse without a name.
 */
async function withHeldBatch(t: TestContext) {
  const connector = await startConnector(t)
  const records = Array.from({ length: 40 }, () => kkiRecord())
  await inject(
    connector.simulator,
    records.map(record => ({ record }))
  )
  assert.equal((await connector.run({ mode: 'incremental' })).state, 'applied')
  const change = (record: Record<string, unknown> | undefined, given: object) => ({
    record: { ...record, ...given, diubah_pada: ago(60) }
  })
  await inject(connector.simulator, [
    ...records.slice(0, 5).map(record => change(record, {})),
    ...records.slice(5, 8).map(record => change(record, { provinsi: 'Bali' })),
    ...records.slice(8, 13).map(record => change(record, { nama: `${record.nama} Baru` })),
    ...records.slice(13, 38).map(record => change(record, { status_str: 'DICABUT' })),
    change(kkiRecord({ profesi: 'PERAWAT', nama: 'Wayan Contoh' }), {}),
    change(kkiRecord({ profesi: 'PERAWAT', nama: '-' }), {}),
    change(kkiRecord({ nama: '-' }), {})
  ])
  const run = await connector.run({ mode: 'incremental' })
  const batch = run.batches[0] as BatchBody
  assert.equal(batch.state, 'held')
  const look = async (query = '') => {
    const { status, body } = await connector.call('GET', `/v1/batches/${batch.id}/changes${query}`)
    assert.equal(status, 200, JSON.stringify(body))
    return body as Changes
  }
  const search = async (given: object) => {
    const { status, body } = await connector.call('POST', `/v1/batches/${batch.id}/changes/search`, given)
    assert.equal(status, 200, JSON.stringify(body))
    return (body as Changes).items
  }
  const apply = () => connector.call('POST', `/v1/batches/${batch.id}/apply`, { planDigest: batch.planDigest })
  return { connector, records, batch, look, search, apply }
}

const fieldsOf = (change: Change | undefined) =>
  change?.fields.map(({ field, before, after }) => `${field}: ${before} → ${after}`).sort()

/** The common part of a plan and its result. */
async function assertChanges({ look, search, records }: Awaited<ReturnType<typeof withHeldBatch>>) {
  const { items, summary, next } = await look('?limit=500')
  assert.equal(next, null)
  const kinds = items.map(({ statusAfter, fields, outcome }) =>
    statusAfter === 'revoked' ? 'revoked' : fields.some(({ field }) => field === 'name') ? 'renamed' : outcome
  )
  assert.deepEqual(kinds, [
    ...Array.from({ length: 25 }, () => 'revoked'),
    ...Array.from({ length: 5 }, () => 'renamed'),
    ...kinds.slice(30)
  ])
  assert.deepEqual(kinds.slice(30).sort(), ['created', 'updated', 'updated', 'updated'])
  assert.ok(items.every(({ strNumber, profession, statusAfter }) => strNumber && profession && statusAfter))
  assert.deepEqual(fieldsOf(items[0]), ['sourceStatus: AKTIF → DICABUT', 'status: active → revoked'])
  const renamed = items.find(item => item.nameAfter === `${records[8]?.nama} Baru`)
  assert.deepEqual(fieldsOf(renamed), [`name: ${records[8]?.nama} → ${records[8]?.nama} Baru`])
  const moved = items.find(({ fields }) => fields.some(({ field }) => field === 'province'))
  assert.deepEqual(fieldsOf(moved), ['province: null → Bali'])
  assert.equal(summary.stampOnly, 5)
  assert.equal((await look('?effect=stamp_only')).items.length, 5)
  assert.equal((await look('?effect=name_changed')).items.length, 5)
  const paged: Change[] = []
  for (let after: number | null = 0; after !== null; ) {
    const page: Changes = await look(`?limit=7&after=${after}`)
    paged.push(...page.items)
    after = page.next
  }
  assert.deepEqual(
    paged.map(({ id }) => id),
    items.map(({ id }) => id)
  )
  const none = { created: 0, linked: 0, updated: 0, rejected: 0, deactivated: 0, namesChanged: 0 }
  assert.deepEqual(summary.professions, [
    { ...none, profession: 'doctor', updated: 38, rejected: 1, deactivated: 25, namesChanged: 5 },
    { ...none, profession: 'nurse', created: 1, rejected: 1 }
  ])
  assert.deepEqual([summary.ledger.updated, summary.ledger.rejected, summary.ledger.deactivated], [38, 2, 25])
  assert.deepEqual(
    (await look('?profession=nurse')).items.map(({ nameAfter }) => nameAfter),
    ['Wayan Contoh']
  )
  const { nomor_str: str, nama: name } = records[13] as { nomor_str: string; nama: string }
  assert.deepEqual(
    (await search({ text: str.toLowerCase().replace(/^(..)/, '$1-') })).map(({ strNumber }) => strNumber),
    [str]
  )
  const words = name.split(' ')
  const found = await search({ text: `${words[1]} ${words[0]?.toLowerCase()}`, outcome: 'updated' })
  assert.ok(found.some(({ strNumber }) => strNumber === str))
  assert.ok(found.every(({ nameAfter }) => nameAfter?.includes(words[1] as string)))
  assert.deepEqual(await search({ text: 'Tidak Ada' }), [])
  // An STR of the former form has sixteen digits, as a NIK has.
  assert.deepEqual(await search({ text: '3111100220999999' }), [])
}

describe('the changes of a batch', () => {
  test('are shown before it is applied: the harmful ones first, field by field, with the reasons of the hold', async t => {
    const held = await withHeldBatch(t)
    const { connector, batch, look, search } = held
    await assertChanges(held)
    assert.deepEqual((await look()).summary.excesses, [
      { reason: 'DEACTIVATIONS', profession: 'doctor', count: 25, limit: 20 },
      { reason: 'DEACTIVATIONS', profession: '*', count: 25, limit: 20 }
    ])
    assert.deepEqual(
      (await search({ outcome: 'rejected', profession: 'nurse' })).map(({ codes }) => codes),
      [['NAME_MISSING']]
    )
    const signs = await connector.call('POST', `/v1/batches/${batch.id}/changes/search`, { text: 'dr.' })
    assert.deepEqual(
      [signs.status, (signs.body as { errors: { field: string }[] }).errors[0]?.field],
      [400, '/body/text']
    )
  })

  test('are shown equally after it is applied, the professions by the ledger', async t => {
    const held = await withHeldBatch(t)
    assert.equal((await held.apply()).status, 200)
    await assertChanges(held)
  })

  test('are exported completely, with a separate record of disclosure', async t => {
    const { connector, batch } = await withHeldBatch(t)
    const { body } = await connector.call('POST', `/v1/batches/${batch.id}/changes/export`, {})
    assert.equal((body as Changes).items.length, 34)
    const { rows } = await connector.pool.query(
      `select batch_id, actor, answers from kki.disclosure where channel = 'POST /v1/batches/:id/changes/export'`
    )
    assert.deepEqual(rows, [{ batch_id: batch.id, actor: 'test', answers: 1 }])
  })

  test('never show a NIK or whether it fits: of one that changed both values are null', async t => {
    const connector = await startConnector(t)
    const record = kkiRecord({ nik: null })
    await inject(connector.simulator, [{ id: 'one', record }])
    assert.equal((await connector.run({ mode: 'incremental' })).state, 'applied')
    const nik = '3171014101900777'
    await inject(connector.simulator, [{ id: 'one', record: { ...record, nik, diubah_pada: ago(60) } }])
    const run = await connector.run({ mode: 'incremental', apply: 'hold' })
    const id = run.batches[0]?.id
    const look = async () => (await connector.call('GET', `/v1/batches/${id}/changes`)).body as Changes
    const planned = await look()
    assert.deepEqual(fieldsOf(planned.items[0]), ['nik: null → null'])
    await connector.call('POST', `/v1/batches/${id}/apply`, { planDigest: run.batches[0]?.planDigest })
    const applied = await look()
    assert.deepEqual(fieldsOf(applied.items[0]), ['nik: null → null'])
    assert.equal(applied.items.length, 1)
    assert.doesNotMatch(JSON.stringify([planned, applied]), /3171014101900777/)
  })

  test('hide every value of a restricted person, before and after applying', async t => {
    const { connector, batch, look, apply } = await withHeldBatch(t)
    const isOfProvince = ({ fields }: Change) => fields.some(({ field }) => field === 'province')
    const person = (await look('?limit=500')).items.find(isOfProvince)?.healthWorkerId
    const restricted = await connector.call('POST', `/v1/health-workers/${person}/restrict`, { reason: 'asked for it' })
    assert.equal(restricted.status, 200, JSON.stringify(restricted.body))
    const hidden = async () => (await look('?limit=500')).items.find(({ healthWorkerId }) => healthWorkerId === person)
    assert.deepEqual(fieldsOf(await hidden()), ['province: null → null'])
    // The restriction changed the person, so the batch is planned again.
    const { planDigest } = (await apply()).body as { planDigest: string }
    const applied = await connector.call('POST', `/v1/batches/${batch.id}/apply`, { planDigest })
    assert.equal(applied.status, 200, JSON.stringify(applied.body))
    assert.deepEqual(fieldsOf(await hidden()), ['province: null → null'])
  })

  test('are previewed before an undo, and shown after it: kept changes first, with the actor and the reason', async t => {
    const { connector, batch, look, apply } = await withHeldBatch(t)
    await apply()
    const { call } = connector
    const [, renamed] = (await look('?effect=name_changed')).items
    const preview = async () => (await call('GET', `/v1/batches/${batch.id}/undo/preview`)).body as ForeseenUndo
    assert.deepEqual(await preview(), {
      registrationsDeleted: 1,
      registrationsRestored: 38,
      peopleDeleted: 1,
      peopleRestored: 5 + 33,
      rejectionsReopened: 0,
      registrationsLeft: 0,
      peopleLeft: 0,
      left: { registrations: [], people: [] }
    })
    const person = `/v1/health-workers/${renamed?.healthWorkerId}`
    const { version } = (await call('GET', person)).body as { version: number }
    const edit = { name: 'Nama Dari KTP', reason: 'as on the card' }
    const edited = await call('PATCH', person, edit, { 'if-match': `"${version}"` })
    assert.equal(edited.status, 200, JSON.stringify(edited.body))
    const before = await preview()
    assert.deepEqual([before.peopleLeft, before.left.people[0]?.id], [1, renamed?.healthWorkerId])
    const undone = await call('POST', `/v1/batches/${batch.id}/undo`, { reason: 'KKI: a mistake' })
    assert.equal((undone.body as BatchBody).state, 'undone', JSON.stringify(undone.body))

    const { summary, items } = await look('?limit=500')
    const {
      strNumbersDeleted: _,
      decisionsWithdrawn: __,
      actor,
      reason,
      at,
      ...report
    } = summary.undo as never as {
      [name: string]: unknown
      at: string
    }
    assert.deepEqual(report, before, 'the preview showed the result of the undo')
    assert.deepEqual([actor, reason], ['test', 'KKI: a mistake'])
    assert.ok(Date.parse(at) > Date.now() - 600_000)
    assert.equal(items[0]?.healthWorkerId, renamed?.healthWorkerId)
    assert.deepEqual([items[0]?.undo, items[0]?.nameAfter], ['kept', renamed?.nameAfter])
    assert.ok(items.slice(1).every(({ undo, fields }) => undo === 'restored' && fields.every(f => f.after === null)))
    assert.equal((await look('?effect=kept')).items.length, 1)
    assert.deepEqual(
      summary.professions.map(({ profession, created, updated, rejected, deactivated }) => [
        ...[profession, created, updated, rejected, deactivated]
      ]),
      [
        ['doctor', 0, 38, 1, 25],
        ['nurse', 1, 0, 1, 0]
      ],
      'the professions are those of the ledger, which an undo does not change'
    )
    const again = await call('GET', `/v1/batches/${batch.id}/undo/preview`)
    assert.deepEqual([again.status, (again.body as { code: string }).code], [409, 'BATCH_STATE'])
  })
})
