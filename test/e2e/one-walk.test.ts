import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { readWatermark } from '../../sidecar/sync/watermark.ts'
import { type Connector, dumpRegistry, fault, inject, kkiRecord, startConnector, temporaryFolder } from './helpers.ts'
import { until } from './process.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

/** How many rows and pages of its list KKI has sent so far. */
async function sent({ simulator }: Connector) {
  const stats = (await (await fetch(`${simulator.url}/_stats`)).json()) as { rowsServed: number; pagesServed: number }
  return { rows: stats.rowsServed, pages: stats.pagesServed }
}

const statesOf = (run: RunBody) => run.batches.map(({ state }) => state)
const fetchedBy = (run: RunBody) => run.batches.map(({ ledger }) => ledger.fetched)

/** Revoked people, spread over KKI's list so that each batch has some. */
async function withRevocations(connector: Connector, people: number, revoked: number) {
  const records = Array.from({ length: people }, (_, n) => kkiRecord({ diubah_pada: ago(10_000 - n) }))
  await inject(
    connector.simulator,
    records.map(record => ({ record }))
  )
  assert.equal((await connector.run({ mode: 'full' })).state, 'applied')
  await inject(
    connector.simulator,
    records.slice(0, revoked).map((record, n) => ({
      record: { ...record, status_str: 'DICABUT', diubah_pada: ago(1000 - n) }
    }))
  )
}

describe('a run walks KKI’s list once', () => {
  test('it requests each page once, and rejects professions that the mapping does not have', async t => {
    const connector = await startConnector(t, { rows: 3000, brokenShare: 0.1, env: { SDMK_BATCH_ROWS: '700' } })
    await inject(connector.simulator, [{ record: kkiRecord({ profesi: 'PROFESI_BARU' }) }])
    const run = await connector.run({ mode: 'full' })
    assert.equal(run.state, 'applied')
    // One row more: by it KKI's clock was read.
    assert.deepEqual(await sent(connector), { rows: 3001 + 1, pages: 7 + 1 })
    // Pages of 500 rows are not cut.
    assert.deepEqual(fetchedBy(run), [1000, 1000, 1000, 1])
    assert.equal(run.expectedTotal, 3001)
    const { rows } = await connector.pool.query(
      `select count(*)::int as count from kki.rejection where code = 'PROFESSION_UNKNOWN'`
    )
    assert.ok(rows[0].count >= 1)
  })

  test('a service that stops in the middle resumes at the open batch, and requests no applied page again', async t => {
    const connector = await startConnector(t, { rows: 2000, env: { SDMK_BATCH_ROWS: '300', KKI_PAGE_SIZE: '100' } })
    await fault(connector.simulator, { kind: 'slow', ms: 20_000, on: 'list', times: 1, afterPages: 9 })
    const { body } = await connector.call('POST', '/v1/runs', { mode: 'full' })
    const { id } = body as RunBody
    await until(
      'batches before it are applied',
      async () => {
        const { rows } = await connector.pool.query(`select count(*)::int as n from kki.batch where state = 'applied'`)
        return rows[0].n >= 2
      },
      300_000
    )
    await connector.restart({})
    let run = body as RunBody
    await until(
      'the run is finished',
      async () => {
        run = (await connector.call('GET', `/v1/runs/${id}`)).body as RunBody
        return run.finishedAt !== null
      },
      300_000
    )
    assert.equal(run.state, 'applied')
    assert.equal(
      fetchedBy(run).reduce((sum, rows) => sum + rows, 0),
      2000
    )
    // The pages of one transaction, and the one that was asked for ahead, may have been lost.
    assert.ok((await sent(connector)).pages <= 20 + 5, 'applied pages are not asked for again')
  })

  test('a total that changes during the walk stays as the first batch stored it', async t => {
    const connector = await startConnector(t, { rows: 1000, env: { SDMK_BATCH_ROWS: '500' } })
    await fault(connector.simulator, { kind: 'slow', ms: 15_000, on: 'list', times: 1, afterPages: 2 })
    const running = connector.run({ mode: 'full' })
    await until('KKI has sent its clock and a page', async () => (await sent(connector)).pages >= 2, 300_000)
    await inject(connector.simulator, [{ record: kkiRecord() }, { record: kkiRecord() }])
    const run = await running
    assert.deepEqual(fetchedBy(run), [500, 500, 2])
    assert.equal(run.expectedTotal, 1000)
  })

  test('named professions are walked one after the other, and the others stay unchanged', async t => {
    const connector = await startConnector(t)
    const of = (profesi: string) => ({ record: kkiRecord({ profesi, diubah_pada: ago(100) }) })
    await inject(connector.simulator, [of('DOKTER'), of('PERAWAT'), of('DOKTER'), of('BIDAN')])
    const run = await connector.run({ mode: 'full', professions: ['nurse', 'doctor'] })
    assert.deepEqual(
      run.batches.map(({ profession, ledger }) => [profession, ledger.created]),
      run.professions?.map(profession => [profession, profession === 'doctor' ? 2 : 1])
    )
    assert.equal(await readWatermark(connector.pool), null)
    await connector.run({ mode: 'full' })
    assert.notEqual(await readWatermark(connector.pool), null)
  })
})

describe('a profession for which KKI has several codes', () => {
  test('is walked under each of its codes if it is named', async t => {
    const mapping = JSON.parse(await readFile(new URL('../../contracts/sources/kki.json', import.meta.url), 'utf8'))
    const doctor = mapping.tables.professions.find(({ code }: { code: string }) => code === 'doctor')
    doctor.kkiCodes = [...doctor.kkiCodes, 'DOKTER KLINIK']
    const file = path.join(await temporaryFolder(t), 'mapping.json')
    await writeFile(file, JSON.stringify(mapping))
    const connector = await startConnector(t, { env: { KKI_SOURCE_FILE: file } })
    const of = (profesi: string) => ({ record: kkiRecord({ profesi, diubah_pada: ago(100) }) })
    await inject(connector.simulator, [of('DOKTER'), of('PERAWAT'), of('DOKTER KLINIK')])
    const run = await connector.run({ mode: 'full', professions: ['doctor'] })
    assert.deepEqual(
      run.batches.map(({ profession, ledger }) => [profession, ledger.created]),
      [
        ['doctor', 1],
        ['doctor', 1]
      ]
    )
  })
})

describe('one run of a mode is open', () => {
  test('a second run is answered with the first, and a run of another mode starts', async t => {
    const connector = await startConnector(t, { rows: 500, env: { KKI_PAGE_SIZE: '100' } })
    await fault(connector.simulator, { kind: 'slow', ms: 5000, on: 'list', times: 1, afterPages: 2 })
    const first = (await connector.call('POST', '/v1/runs', { mode: 'full' })).body as RunBody
    const second = await connector.call('POST', '/v1/runs', { mode: 'full' })
    const { code, runId } = second.body as { code: string; runId: number }
    assert.deepEqual([second.status, code, runId], [409, 'RUN_OPEN', first.id])
    assert.equal((await connector.call('POST', '/v1/runs', { mode: 'incremental' })).status, 202)
    await connector.call('POST', `/v1/runs/${first.id}/cancel`)
    assert.equal((await connector.call('POST', '/v1/runs', { mode: 'full' })).status, 202)
  })
})

describe('a harmful run', () => {
  test('is held although each of its batches is small', async t => {
    const connector = await startConnector(t, { env: { SDMK_BATCH_ROWS: '10', KKI_PAGE_SIZE: '5' } })
    await withRevocations(connector, 200, 60)
    const run = await connector.run({ mode: 'full' })
    assert.equal(run.state, 'held')
    const { rows } = await connector.pool.query(
      `select count(*)::int as ended from sdmk.registration where status = 'revoked'`
    )
    assert.ok(rows[0].ended <= 20, `${rows[0].ended} were ended without a person`)
    assert.ok(
      run.batches.every(({ state, ledger }) => state === 'applied' || ledger.updated > 0),
      'a batch that ends nobody is not held for what others do'
    )
  })

  test('a held batch stops the watermark, but not the walk', async t => {
    const connector = await startConnector(t, { env: { SDMK_BATCH_ROWS: '100', KKI_PAGE_SIZE: '50' } })
    await withRevocations(connector, 300, 30)
    // KKI tells its time in whole seconds: a run that begins within the same second ends at the same position.
    await connector.pool.query(`update kki.watermark set position = position - interval '1 second'`)
    const before = await readWatermark(connector.pool)
    const run = await connector.run({ mode: 'full' })
    assert.ok(statesOf(run).includes('held') && statesOf(run).includes('applied'), statesOf(run).join())
    assert.deepEqual(await readWatermark(connector.pool), before)
    const held = run.batches.filter(({ state }) => state === 'held')
    for (const { id, planDigest } of held) await connector.call('POST', `/v1/batches/${id}/apply`, { planDigest })
    await until(
      'they are applied',
      async () => {
        const states = await Promise.all(held.map(({ id }) => connector.call('GET', `/v1/batches/${id}`)))
        return states.every(({ body }) => (body as BatchBody).state === 'applied')
      },
      300_000
    )
    const after = await readWatermark(connector.pool)
    assert.deepEqual([after?.runId, (after?.position ?? 0) > (before?.position ?? 0)], [run.id, true])
  })

  test('a held batch of a full run is not replaced by an incremental one, but by the next full run', async t => {
    const connector = await startConnector(t, {
      env: { SDMK_BATCH_ROWS: '100', KKI_PAGE_SIZE: '50', KKI_OVERLAP: '0' }
    })
    await withRevocations(connector, 300, 30)
    const first = await connector.run({ mode: 'full' })
    const read = async () => ((await connector.call('GET', `/v1/runs/${first.id}`)).body as RunBody).state
    await connector.run({ mode: 'incremental' })
    assert.equal(await read(), 'held')
    await connector.run({ mode: 'full' })
    assert.equal(await read(), 'superseded')
  })
})

describe('licences that full runs no longer show', () => {
  test('are counted when the whole run is applied, whatever its batches are', async t => {
    const connector = await startConnector(t, { env: { SDMK_BATCH_ROWS: '20', KKI_PAGE_SIZE: '10' } })
    await inject(
      connector.simulator,
      Array.from({ length: 60 }, (_, n) => ({ id: `row-${n}`, record: kkiRecord({ diubah_pada: ago(1000 - n) }) }))
    )
    await connector.run({ mode: 'full' })
    await fetch(`${connector.simulator.url}/_records/row-7`, { method: 'DELETE' })
    await fetch(`${connector.simulator.url}/_records/row-55`, { method: 'DELETE' })
    const before = await dumpRegistry(connector.pool)
    for (const expected of [1, 2]) {
      assert.equal((await connector.run({ mode: 'full' })).state, 'applied')
      const { rows } = await connector.pool.query('select missed_runs from kki.not_listed')
      assert.deepEqual(rows, [{ missed_runs: expected }, { missed_runs: expected }])
    }
    assert.equal((await connector.pool.query('select from kki.shown')).rowCount, 0)
    assert.deepEqual(await dumpRegistry(connector.pool), before)
  })
})

describe('the setting of professions', () => {
  test('an added profession is fetched from the beginning by the next incremental run', async t => {
    const connector = await startConnector(t, { env: { KKI_OVERLAP: '0' } })
    const of = (profesi: string) => ({ record: kkiRecord({ profesi, diubah_pada: ago(100) }) })
    await inject(connector.simulator, [of('DOKTER'), of('PERAWAT'), of('BIDAN')])
    const { body } = await connector.call('GET', '/v1/integrations/kki')
    const { active, schedule, rejectAlertRatio, createUnmatched } = body as Record<string, unknown>
    const set = async (professions: string[] | null) => {
      const given = { active, schedule, rejectAlertRatio, createUnmatched, professions }
      const answer = await connector.call('PUT', '/v1/integrations/kki', given)
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
    }
    const created = async () => {
      const run = await connector.run({ mode: 'incremental' })
      return run.batches.reduce((sum, { ledger }) => sum + ledger.created, 0)
    }
    await set(['doctor'])
    assert.deepEqual([await created(), await created()], [1, 0])
    await set(['doctor', 'nurse'])
    assert.equal(await created(), 1)
    await set(null)
    assert.equal(await created(), 1)
  })
})
