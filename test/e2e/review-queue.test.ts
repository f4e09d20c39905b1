import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import type { Foreseen } from '../../sidecar/registry/foresee.ts'
import { injectPatiently } from '../helpers/patiently.ts'
import {
  type Connector,
  dumpRegistry,
  inject,
  kkiRecord,
  resolve,
  startConnector,
  temporaryFolder,
  waitForRun
} from './helpers.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

interface Detail {
  id: number
  code: string
  state: string
  urgent: boolean
  candidates: number[]
  decidedBy: string | null
  decisionReason: string | null
  closedByBatchId: number | null
  rows: {
    batchId: number
    rowNo: number
    row: Record<string, unknown>
    reading: Record<string, unknown>
    comparisons: Record<string, unknown>[]
  }[]
  people: { id: number; name: string }[]
  decisions: { healthWorkerId: number; decidedBy: string; withdrawnAt: string | null }[]
  retries: { batchId: number; answer: string | null }[]
}
type ProblemBody = { code: string; detail: string; errors?: { field: string; message: string }[] }

async function openRejections({ call }: Connector, code?: string): Promise<Detail[]> {
  const { body } = await call('GET', `/v1/rejections?state=open${code ? `&code=${code}` : ''}`)
  return (body as { items: Detail[] }).items
}

async function detailOf({ call }: Connector, id: number): Promise<Detail> {
  return (await call('GET', `/v1/rejections/${id}`)).body as Detail
}

/** Loads a person, then a row under their STR with another NIK and another name: a conflict. */
async function withConflict(t: TestContext) {
  const connector = await startConnector(t)
  const stored = kkiRecord({ nama: 'Siti Aminah', diubah_pada: ago(120) })
  await inject(connector.simulator, [{ id: 'siti', record: stored }])
  assert.equal((await connector.run({})).state, 'applied')
  const conflicting = { ...stored, nik: '3171014502900777', nama: 'Siti Rahmawati', diubah_pada: ago(60) }
  await inject(connector.simulator, [{ id: 'siti', record: conflicting }])
  await connector.run({})
  const [rejection] = await openRejections(connector, 'IDENTITY_CONFLICT')
  assert.ok(rejection)
  return { ...connector, connector, stored, conflicting, rejection }
}

const actions = async ({ pool }: Connector) => {
  const { rows } = await pool.query(
    `select action, actor, detail from kki.audit_event where action like 'rejection.%' order by id`
  )
  return rows as { action: string; actor: string; detail: Record<string, unknown> }[]
}

async function finishRun({ call }: Connector, runId: unknown): Promise<RunBody> {
  return waitForRun(id => call('GET', `/v1/runs/${id}`), runId as number)
}

describe('a rejected row in the review queue', () => {
  test('is shown next to its candidates, without its NIK', async t => {
    const { connector, rejection, conflicting } = await withConflict(t)
    const detail = await detailOf(connector, rejection.id)
    assert.deepEqual(
      detail.people.map(({ id, name }) => [id, name]),
      [[detail.candidates[0], 'Siti Aminah']]
    )
    const [row] = detail.rows
    assert.equal(row?.row.nama, 'Siti Rahmawati')
    assert.equal(row?.row.nik, '****************')
    const { name, hasNik, birthDate, status } = row?.reading ?? {}
    assert.deepEqual([name, hasNik, birthDate, status], ['Siti Rahmawati', true, '1990-01-02', 'active'])
    assert.deepEqual(row?.comparisons, [
      {
        healthWorkerId: detail.candidates[0],
        agreed: ['birth_date', 'birth_place'],
        similar: [],
        differed: ['nik', 'name']
      }
    ])
    assert.ok(!JSON.stringify(detail).includes(String(conflicting.nik)))
  })

  test('goes to the chosen person, and so do later rows of its STR and NIK', async t => {
    const { connector, call, rejection, conflicting, simulator, run } = await withConflict(t)
    const [person] = rejection.candidates
    const resolved = await resolve(connector, rejection.id, {
      healthWorkerId: person,
      reason: 'married, and the NIK was corrected'
    })
    assert.equal(resolved.status, 200, JSON.stringify(resolved.body))
    const { batch } = resolved.body as { batch: BatchBody }
    assert.deepEqual(
      [batch.kind, batch.state, batch.ledger.fetched, batch.ledger.updated],
      ['decision', 'applied', 1, 1]
    )
    const detail = await detailOf(connector, rejection.id)
    assert.deepEqual([detail.state, detail.decidedBy, detail.closedByBatchId], ['resolved', 'test', batch.id])
    assert.deepEqual(
      detail.decisions.map(({ healthWorkerId, decidedBy }) => [healthWorkerId, decidedBy]),
      [[person, 'test']]
    )
    const worker = (await call('GET', `/v1/health-workers/${person}`)).body as { name: string; hasNik: boolean }
    assert.deepEqual([worker.name, worker.hasNik], ['Siti Rahmawati', true])
    const [event] = await actions(connector)
    assert.deepEqual(
      [event?.action, event?.actor, event?.detail.healthWorkerId],
      ['rejection.resolved', 'test', person]
    )

    await inject(simulator, [{ id: 'siti', record: { ...conflicting, provinsi: 'Bali', diubah_pada: ago(5) } }])
    const later = await run({})
    assert.equal(later.batches[0]?.ledger.rejected, 0)
    const again = await call('POST', `/v1/rejections/${rejection.id}/resolve`, { healthWorkerId: 'new' })
    assert.deepEqual([again.status, (again.body as ProblemBody).code], [409, 'REJECTION_STATE'])
  })

  test('does not take a licence from a person before the reviewer has seen this effect', async t => {
    const { connector, call, rejection, pool } = await withConflict(t)
    const [holder] = rejection.candidates
    const before = await dumpRegistry(pool)
    const decide = (planDigest?: string) =>
      call('POST', `/v1/rejections/${rejection.id}/resolve`, {
        healthWorkerId: 'new',
        planDigest,
        reason: 'two people'
      })
    for (const digest of [undefined, 'of something else']) {
      const refused = await decide(digest)
      assert.deepEqual([refused.status, (refused.body as ProblemBody).code], [409, 'EFFECTS_NOT_SHOWN'])
    }
    const { status, body } = await call('POST', `/v1/rejections/${rejection.id}/resolve/preview`, {
      healthWorkerId: 'new'
    })
    assert.equal(status, 200, JSON.stringify(body))
    const { licences, people, isHarmful, planDigest, outcome } = body as Foreseen & { planDigest: string }
    assert.deepEqual([outcome, isHarmful], ['created', true])
    assert.deepEqual(
      licences.map(({ holderBefore, holderAfter, statusBefore, statusAfter }) => [
        holderBefore,
        holderAfter,
        statusBefore,
        statusAfter
      ]),
      [[{ id: holder, name: 'Siti Aminah' }, { id: null, name: 'Siti Rahmawati' }, 'active', 'active']]
    )
    assert.deepEqual(
      people
        .toSorted((one, other) => one.licences - other.licences)
        .map(person => [person.id, person.nik, person.licences]),
      [
        [holder, 'same', 0],
        [null, 'added', 1]
      ]
    )
    assert.deepEqual(await dumpRegistry(pool), before)
    assert.deepEqual(await actions(connector), [])
    const { rows } = await pool.query(`select from kki.batch where kind = 'decision'`)
    assert.equal(rows.length, 0)
    assert.equal((await decide(planDigest)).status, 200)
    assert.equal((await detailOf(connector, rejection.id)).state, 'resolved')
  })

  test('asks for another review if the effects of a decision have changed', async t => {
    const { connector, call, rejection, stored, simulator, run } = await withConflict(t)
    const [holder] = rejection.candidates
    const path = `/v1/rejections/${rejection.id}/resolve`
    const seen = await call('POST', `${path}/preview`, { healthWorkerId: 'new' })
    const second = { ...stored, nomor_str: kkiRecord().nomor_str, diubah_pada: ago(30) }
    await inject(simulator, [{ id: 'second', record: second }])
    await run({})
    const { planDigest } = seen.body as { planDigest: string }
    const refused = await call('POST', path, { healthWorkerId: 'new', planDigest })
    assert.deepEqual([refused.status, (refused.body as ProblemBody).code], [409, 'EFFECTS_NOT_SHOWN'])
    const again = (await call('POST', `${path}/preview`, { healthWorkerId: 'new' })).body as Foreseen
    assert.equal(again.people.find(({ id }) => id === holder)?.licences, 1)
    assert.equal((await resolve(connector, rejection.id, { healthWorkerId: 'new' })).status, 200)
  })

  test('can be read and decided although its stamp is ahead of our clock', async t => {
    const { connector, conflicting, simulator, run, rejection } = await withConflict(t)
    await fetch(`${simulator.url}/_clock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ advanceSeconds: 600 })
    })
    // KKI may be 900 s ahead of us, and the stamp an hour ahead of KKI.
    await inject(simulator, [{ id: 'siti', record: { ...conflicting, diubah_pada: ago(-60 - 5) } }])
    await run({ mode: 'full' })
    const [open] = await openRejections(connector, 'IDENTITY_CONFLICT')
    assert.equal(open?.id, rejection.id)
    const { rows } = await detailOf(connector, rejection.id)
    assert.equal(rows.at(-1)?.reading?.name, 'Siti Rahmawati')
    assert.equal((await resolve(connector, rejection.id, { healthWorkerId: 'new' })).status, 200)
    assert.equal((await detailOf(connector, rejection.id)).state, 'resolved')
  })

  test('creates a new person if a reviewer decides so', async t => {
    const { connector, rejection, pool } = await withConflict(t)
    const resolved = await resolve(connector, rejection.id, { healthWorkerId: 'new' })
    assert.equal(resolved.status, 200, JSON.stringify(resolved.body))
    assert.equal((resolved.body as { batch: BatchBody }).batch.ledger.created, 1)
    const { rows } = await pool.query('select count(*) as n from sdmk.health_worker')
    assert.equal(rows[0].n, 2)
  })

  test('is not resolved to a missing person, nor for a reason that is not about the person', async t => {
    const { call, connector, rejection, run, simulator } = await withConflict(t)
    const unknown = await call('POST', `/v1/rejections/${rejection.id}/resolve`, { healthWorkerId: 999_999 })
    assert.deepEqual([unknown.status, (unknown.body as ProblemBody).errors?.[0]?.field], [400, '/body/healthWorkerId'])
    await inject(simulator, [{ record: kkiRecord({ tanggal_lahir: 'kemarin', diubah_pada: ago(30) }) }])
    await run({})
    const [broken] = await openRejections(connector, 'DATE_INVALID')
    const refused = await call('POST', `/v1/rejections/${broken?.id}/resolve`, { healthWorkerId: 'new' })
    assert.deepEqual([refused.status, (refused.body as ProblemBody).code], [409, 'REJECTION_NOT_RESOLVABLE'])
    assert.deepEqual((await detailOf(connector, rejection.id)).state, 'open')
    const missing = await call('POST', '/v1/rejections/999999/dismiss', { reason: 'a mistake' })
    assert.equal(missing.status, 404)
  })

  test('of an STR that two people have is resolved row by row', async t => {
    const connector = await startConnector(t)
    const { call, run, simulator } = connector
    const [ani, budi] = [
      kkiRecord({ nama: 'Ani Rahma', diubah_pada: ago(120) }),
      kkiRecord({ nama: 'Budi Hartono', diubah_pada: ago(120) })
    ]
    await inject(simulator, [{ record: ani }, { record: budi }])
    await run({})
    const shared = kkiRecord().nomor_str
    await inject(simulator, [
      { record: { ...ani, nomor_str: shared, tempat_lahir: 'Medan', diubah_pada: ago(60) } },
      { record: { ...budi, nomor_str: shared, tempat_lahir: 'Medan', profesi: 'DOKTER GIGI', diubah_pada: ago(60) } }
    ])
    await run({})
    const [rejection] = await openRejections(connector, 'STR_AMBIGUOUS')
    assert.ok(rejection)
    const unnamed = await call('POST', `/v1/rejections/${rejection.id}/resolve`, { healthWorkerId: 'new' })
    assert.deepEqual([unnamed.status, (unnamed.body as ProblemBody).errors?.[0]?.field], [400, '/body/row'])

    const detail = await detailOf(connector, rejection.id)
    assert.equal(detail.rows.length, 2)
    for (const [index, { row, batchId, rowNo }] of detail.rows.entries()) {
      const person = detail.people.find(({ name }) => name === row.nama)
      const done = await resolve(connector, rejection.id, {
        healthWorkerId: person?.id,
        row: { batchId, rowNo }
      })
      assert.equal(done.status, 200, JSON.stringify(done.body))
      assert.equal((await detailOf(connector, rejection.id)).state, index === 0 ? 'open' : 'resolved')
    }
    const { body } = await call('POST', '/v1/health-workers/search', { str: shared })
    assert.equal((body as { items: unknown[] }).items.length, 2)
  })

  test('stays dismissed until its content changes', async t => {
    const { connector, call, rejection, conflicting, run, simulator } = await withConflict(t)
    const unreasoned = await call('POST', `/v1/rejections/${rejection.id}/dismiss`, {})
    assert.equal(unreasoned.status, 400)
    const dismissed = await call('POST', `/v1/rejections/${rejection.id}/dismiss`, { reason: 'KKI knows of it' })
    assert.equal(dismissed.status, 200, JSON.stringify(dismissed.body))
    assert.deepEqual(
      [(dismissed.body as Detail).state, (dismissed.body as Detail).decisionReason],
      ['dismissed', 'KKI knows of it']
    )
    await run({})
    assert.deepEqual(await openRejections(connector), [])
    await inject(simulator, [{ id: 'siti', record: { ...conflicting, provinsi: 'Bali', diubah_pada: ago(5) } }])
    await run({})
    assert.equal((await openRejections(connector)).length, 1)
    assert.deepEqual(
      (await actions(connector)).map(({ action, detail }) => [action, detail.reason]),
      [['rejection.dismissed', 'KKI knows of it']]
    )
  })

  test('is requested again by its STR, and closes if KKI has corrected it', async t => {
    const { connector, call, rejection, stored, simulator } = await withConflict(t)
    await inject(simulator, [{ id: 'siti', record: { ...stored, provinsi: 'Bali', diubah_pada: ago(5) } }])
    const order = await call('POST', `/v1/rejections/${rejection.id}/retry`)
    assert.equal(order.status, 202, JSON.stringify(order.body))
    const { runId, asked } = order.body as { runId: number; asked: number }
    assert.equal(asked, 1)
    const run = await finishRun(connector, runId)
    assert.deepEqual([run.mode, run.state, run.batches[0]?.kind], ['retry', 'applied', 'retry'])
    const detail = await detailOf(connector, rejection.id)
    assert.deepEqual(detail.retries, [{ ...detail.retries[0], batchId: run.batches[0]?.id, answer: 'found' }])
    assert.equal(detail.state, 'cleared')
  })

  test('that KKI no longer lists stays open, and shows that answer', async t => {
    const connector = await startConnector(t)
    const { call, run, simulator, pool } = connector
    await inject(simulator, [{ record: kkiRecord({ status_str: 'DICABUT' }) }])
    await run({})
    await pool.query(`update kki.rejection set str_number = 'EQ99999999999999'`)
    const [rejection] = await openRejections(connector, 'STR_INACTIVE')
    const order = await call('POST', `/v1/rejections/${rejection?.id}/retry`)
    const done = await finishRun(connector, (order.body as { runId: number }).runId)
    assert.deepEqual([done.state, done.batches[0]?.ledger.fetched], ['applied', 0])
    const detail = await detailOf(connector, rejection?.id as number)
    assert.deepEqual([detail.state, detail.retries[0]?.answer], ['open', 'not_found'])
  })

  test('without an STR cannot be requested, and none can while the integration is off', async t => {
    const { connector, call, rejection, run, simulator } = await withConflict(t)
    await inject(simulator, [{ record: kkiRecord({ nomor_str: '12' }), sortStamp: ago(10) }])
    await run({})
    const [nameless] = await openRejections(connector, 'STR_INVALID')
    const refused = await call('POST', `/v1/rejections/${nameless?.id}/retry`)
    assert.deepEqual([refused.status, (refused.body as ProblemBody).code], [409, 'REJECTION_NOT_RETRIABLE'])
    await connector.pool.query('update kki.setting set active = false')
    const off = await call('POST', `/v1/rejections/${rejection.id}/retry`)
    assert.deepEqual([off.status, (off.body as ProblemBody).code], [409, 'INTEGRATION_DISABLED'])
  })
})

describe('many rejected rows', () => {
  test('are dismissed, and requested again, by code and in portions', async t => {
    const connector = await startConnector(t)
    const { call, run, simulator } = connector
    const records = Array.from({ length: 9 }, () => kkiRecord({ status_str: 'DICABUT' }))
    const broken = Array.from({ length: 3 }, () => kkiRecord({ tanggal_lahir: 'kemarin' }))
    await inject(
      simulator,
      [...records, ...broken].map(record => ({ id: String(record.nomor_str), record }))
    )
    await run({})
    const first = await call('POST', '/v1/rejections/dismiss', { code: 'DATE_INVALID', limit: 2, reason: 'too old' })
    const { dismissed, next } = first.body as { dismissed: number; next: number }
    assert.deepEqual([first.status, dismissed, typeof next], [200, 2, 'number'])
    const second = await call('POST', '/v1/rejections/dismiss', {
      code: 'DATE_INVALID',
      after: next,
      reason: 'too old'
    })
    assert.deepEqual(second.body, { dismissed: 1, next: null })

    await inject(
      simulator,
      records.slice(0, 5).map(record => ({
        id: String(record.nomor_str),
        record: { ...record, status_str: 'AKTIF', diubah_pada: ago(5) }
      }))
    )
    const order = await call('POST', '/v1/rejections/retry', { code: 'STR_INACTIVE' })
    const { runId, asked, skipped } = order.body as { runId: number; asked: number; skipped: number }
    assert.deepEqual([asked, skipped], [9, 0])
    const done = await finishRun(connector, runId)
    assert.equal(done.state, 'applied')
    assert.equal(done.batches[0]?.ledger.created, 5)
    const nothing = await call('POST', '/v1/rejections/retry', { code: 'UNMATCHED' })
    assert.deepEqual(nothing.body, { runId: null, asked: 0, skipped: 0, next: null })
    assert.deepEqual(
      (await actions(connector)).map(({ action }) => action),
      ['rejection.dismissed', 'rejection.dismissed', 'rejection.retried']
    )
  })

  test('pass under an edited mapping without a request to KKI, and purged rows are counted', async t => {
    const folder = await temporaryFolder(t)
    const mappingFile = path.join(folder, 'mapping.json')
    await cp(new URL('../../contracts/sources/kki.json', import.meta.url), mappingFile)
    const mapping = JSON.parse(await readFile(mappingFile, 'utf8'))
    delete mapping.tables.statusWords.AKTIF
    await writeFile(mappingFile, JSON.stringify(mapping))
    const connector = await startConnector(t, { env: { KKI_SOURCE_FILE: mappingFile } })
    const { call, run, simulator, pool } = connector
    await inject(
      simulator,
      Array.from({ length: 12 }, () => ({ record: kkiRecord() }))
    )
    const held = await run({})
    assert.equal(held.batches[0]?.ledger.rejected, 12)
    await pool.query(
      'update kki.rejection_occurrence set raw_sealed = null where row_no = (select min(row_no) from kki.rejection_occurrence)'
    )
    const before = await call('POST', '/v1/rejections/reprocess', { code: 'STATUS_UNKNOWN' })
    const still = await finishRun(connector, (before.body as { runId: number }).runId)
    assert.deepEqual([still.state, still.batches[0]?.ledger.rejected], ['applied', 11])

    await connector.restart({ KKI_SOURCE_FILE: new URL('../../contracts/sources/kki.json', import.meta.url).pathname })
    const requests = await simulatorRequests(simulator.url)
    const order = await connector.call('POST', '/v1/rejections/reprocess', { code: 'STATUS_UNKNOWN' })
    const { runId, rows, purged } = order.body as { runId: number; rows: number; purged: number }
    assert.deepEqual([order.status, rows, purged], [202, 11, 1])
    const done = await finishRun(connector, runId)
    assert.deepEqual([done.state, done.batches[0]?.ledger.created], ['applied', 11])
    assert.equal(await simulatorRequests(simulator.url), requests)
    assert.equal((await openRejections(connector)).length, 1)
  })

  test('can be decided only with the scope for it', async t => {
    const { app, pool, connector, rejection } = await withConflict(t)
    const { key } = await createApiKey(pool, 'reader', ['runs:read', 'registry:read'])
    for (const [url, payload] of [
      [`/v1/rejections/${rejection.id}/dismiss`, { reason: 'no' }],
      [`/v1/rejections/${rejection.id}/resolve`, { healthWorkerId: 'new' }],
      [`/v1/rejections/${rejection.id}/retry`, undefined],
      ['/v1/rejections/dismiss', { code: 'UNMATCHED', reason: 'no' }],
      ['/v1/rejections/retry', {}],
      ['/v1/rejections/reprocess', {}]
    ] as const) {
      const headers = { authorization: `Bearer ${key}` }
      const { statusCode } = await injectPatiently(app, { method: 'POST', url, headers, ...(payload && { payload }) })
      assert.equal(statusCode, 403, url)
    }
    assert.equal((await detailOf(connector, rejection.id)).state, 'open')
  })
})

async function simulatorRequests(url: string): Promise<string> {
  const response = await fetch(`${url}/_stats`)
  return JSON.stringify(((await response.json()) as { requests: unknown }).requests)
}
