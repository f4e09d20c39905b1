import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { History, HistoryEntry } from '../../sidecar/registry/history.ts'
import { inject, kkiRecord, resolve, startConnector } from './helpers.ts'

const nik = '3171014502900777'
const otherNik = '3171014502900888'

/** A connector that knows Siti with one licence, and a row that gives this licence to another NIK. */
async function withConflict(t: TestContext) {
  const connector = await startConnector(t)
  const { simulator, run, call } = connector
  const ago = (minutes: number) => new Date(simulator.now() - minutes * 60_000).toISOString()
  const licence = kkiRecord({ nama: 'dr. Siti Aminah', nik, tanggal_lahir: '1990-02-05', diubah_pada: ago(300) })
  await inject(simulator, [{ id: 'siti', record: licence }])
  await run({})
  const conflict = {
    ...licence,
    nik: otherNik,
    nama: 'Rahmawati Dewi',
    tanggal_lahir: '1985-02-05',
    diubah_pada: ago(200)
  }
  await inject(simulator, [{ id: 'siti', record: conflict }])
  await run({})
  const { body } = await call('GET', '/v1/rejections?state=open')
  const [rejection] = (body as { items: { id: number; candidates: number[] }[] }).items
  assert.ok(rejection)
  const history = async (id: number) => {
    const answer = await call('GET', `/v1/health-workers/${id}/history`)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body as History
  }
  return { ...connector, licence, rejection, siti: rejection.candidates[0] as number, history }
}

const told = ({ kind, by, reason, strNumber }: HistoryEntry) => ({ kind, by, reason, strNumber })

test('a licence that a decision moves is in the history of both people, with who decided and why', async t => {
  const { call, licence, rejection, siti, history } = await withConflict(t)
  const reason = 'The card shows the other person'
  const decided = await resolve({ call }, rejection.id, { healthWorkerId: 'new', reason })
  assert.equal(decided.status, 200, JSON.stringify(decided.body))
  const { body } = await call('POST', '/v1/health-workers/search', { str: licence.nomor_str })
  const [newcomer] = (body as { items: { id: number }[] }).items
  assert.ok(newcomer && newcomer.id !== siti)

  const [lost, first] = (await history(siti)).items
  const strNumber = licence.nomor_str
  assert.deepEqual(told(lost as HistoryEntry), { kind: 'moved_away', by: 'test', reason, strNumber })
  assert.equal(lost?.otherHealthWorkerId, newcomer.id)
  assert.equal(first?.kind, 'created')
  assert.equal(first?.batch?.kind, 'incremental')

  const gained = (await history(newcomer.id)).items.find(({ otherHealthWorkerId }) => otherHealthWorkerId !== null)
  assert.ok(gained)
  assert.deepEqual(told(gained), { kind: gained.kind, by: 'test', reason, strNumber })
  assert.equal(gained.otherHealthWorkerId, siti)
  assert.equal(gained.batch?.kind, 'decision')

  const undone = await call('POST', `/v1/batches/${gained.batch?.id}/undo`, { reason: 'decided by mistake' })
  assert.ok(undone.status < 300, JSON.stringify(undone.body))
  const kept = (await history(siti)).items.find(({ kind }) => kind === 'moved_away')
  assert.equal(kept?.reason, reason, 'an undo leaves the reason of the decision')
  assert.equal(kept?.undone?.reason, 'decided by mistake')
})

test('corrections, shown NIKs and decisions about privacy are listed with who and why, and without a digit of the NIK', async t => {
  const { call, siti, history } = await withConflict(t)
  const { body } = await call('GET', `/v1/health-workers/${siti}`)
  const { version } = body as { version: number }
  const edited = await call(
    'PATCH',
    `/v1/health-workers/${siti}`,
    { birthPlace: 'Bogor', reason: 'as on the birth certificate' },
    { 'if-match': `"${version}"` }
  )
  assert.equal(edited.status, 200)
  await call('POST', `/v1/health-workers/${siti}/reveal`, { reason: 'compare with the card' })
  await call('POST', `/v1/health-workers/${siti}/restrict`, { reason: 'asked in writing' })
  assert.equal(
    (await call('GET', `/v1/health-workers/${siti}/history`)).status,
    403,
    'restricted data is shown to nobody'
  )
  await call('POST', `/v1/health-workers/${siti}/unrestrict`, { reason: 'the objection is withdrawn' })

  const { items, isCut } = await history(siti)
  assert.equal(isCut, false)
  assert.deepEqual(
    items.map(({ kind, reason, fields }) => [kind, reason, kind === 'edited' ? fields : []]),
    [
      ['restriction_lifted', 'the objection is withdrawn', []],
      ['restricted', 'asked in writing', []],
      ['nik_revealed', 'compare with the card', []],
      ['edited', 'as on the birth certificate', ['birth_place']],
      ['created', null, []]
    ]
  )
  assert.ok(items.every(({ by }) => by !== ''))
  const text = JSON.stringify(items)
  for (const digits of [nik, otherNik]) assert.ok(!text.includes(digits))
})

test('an undone batch stays in the history, with who undid it and why', async t => {
  const { call, siti, history, simulator, licence, run } = await withConflict(t)
  const later = {
    ...licence,
    status_str: 'DICABUT',
    diubah_pada: new Date(simulator.now() - 100 * 60_000).toISOString()
  }
  await inject(simulator, [{ id: 'siti', record: later }])
  const { batches } = await run({})
  const revoked = (await history(siti)).items[0]
  assert.deepEqual([revoked?.statusBefore, revoked?.statusAfter], ['active', 'revoked'])
  const undone = await call('POST', `/v1/batches/${batches[0]?.id}/undo`, { reason: 'KKI has withdrawn the list' })
  assert.ok(undone.status < 300, JSON.stringify(undone.body))
  const entry = (await history(siti)).items.find(({ batch }) => batch?.id === batches[0]?.id)
  assert.deepEqual([entry?.undone?.by, entry?.undone?.reason], ['test', 'KKI has withdrawn the list'])
  assert.equal(entry?.statusAfter, null, 'the present status differs from that of the batch')
})

test('the history of a person who does not exist is not found', async t => {
  const { call } = await startConnector(t)
  assert.equal((await call('GET', '/v1/health-workers/999999/history')).status, 404)
})
