import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type Connector, inject, kkiRecord, startConnector } from './helpers.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

async function statusesOf({ pool }: Connector, count: number): Promise<string[]> {
  for (let attempt = 0; attempt < 2400; attempt++) {
    const { rows } = await pool.query('select status from sdmk.registration order by status')
    const { rows: busy } = await pool.query(
      `select from kki.batch where state in ('queued', 'fetching', 'staged', 'planned')
      union all select from kki.rejection where state = 'open' and code = 'STR_INACTIVE'`
    )
    if (rows.length === count && busy.length === 0) return rows.map(({ status }) => status)
    await wait(50)
  }
  throw new Error('the rejected rows were not planned again')
}

test('a revocation that arrived before its licence is not lost', async t => {
  const connector = await startConnector(t, { env: { KKI_OVERLAP: '0' } })
  const { simulator, run } = connector
  const licence = kkiRecord({ diubah_pada: ago(60) })
  const revoked = { ...licence, status_str: 'DICABUT', diubah_pada: ago(30) }
  const window = (from: number, to: number) => ({ mode: 'window', changedSince: ago(from), changedUntil: ago(to) })
  await inject(simulator, [{ id: 'licence', record: revoked }])
  const first = await run(window(40, 20))
  assert.equal(first.batches[0]?.ledger.rejected, 1)
  await inject(simulator, [{ id: 'older', record: licence }])
  const second = await run(window(70, 50))
  assert.equal(second.batches[0]?.ledger.created, 1)
  assert.deepEqual(await statusesOf(connector, 1), ['revoked'])
})

test('an inactive licence of a person who becomes known later is stored with that person', async t => {
  const connector = await startConnector(t)
  const { simulator, run, pool } = connector
  const person = kkiRecord({ diubah_pada: ago(30) })
  const ended = kkiRecord({ ...person, nomor_str: 'EQ77777777777777', status_str: 'TIDAK_AKTIF', diubah_pada: ago(60) })
  await inject(simulator, [{ record: ended }])
  await run({})
  await inject(simulator, [{ record: person }])
  await run({ mode: 'window', changedSince: ago(40), changedUntil: ago(20) })
  assert.deepEqual(await statusesOf(connector, 2), ['active', 'inactive'])
  assert.equal((await pool.query('select from sdmk.health_worker')).rowCount, 1)
})
