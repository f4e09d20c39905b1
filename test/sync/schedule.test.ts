import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { createQueue } from '../../sidecar/platform/queue.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import { runIfDue } from '../../sidecar/sync/schedule.ts'
import { ensureSetting } from '../../sidecar/sync/settings.ts'
import { createTestDatabase } from '../helpers/database.ts'

const mappingFile = new URL('../../contracts/sources/kki.json', import.meta.url).pathname

async function setUp(t: Parameters<typeof createTestDatabase>[0]) {
  const { url, pool, database } = await createTestDatabase(t)
  const logger = pino({ level: 'silent' })
  const queue = await createQueue({ url, shutdownTimeoutSeconds: 1 }, logger)
  t.after(() => queue.close())
  await database.withTransaction(client => ensureSetting(client, '0 2 * * *'))
  await pool.query(`update kki.setting set changed_at = '2026-01-01'`)
  const context = { database, queue, mapping: await loadMapping(mappingFile), logger, timeZone: 'Asia/Jakarta' }
  const runs = async () =>
    (await pool.query('select slot, skipped_reason from kki.run order by id')).rows.map(({ slot, skipped_reason }) => [
      slot.toISOString(),
      skipped_reason
    ])
  return { context, pool, runs }
}

test('of many replicas with the same slot only one starts the run', async t => {
  const { context, runs, pool } = await setUp(t)
  const now = new Date('2026-03-01T19:00:05Z')
  await Promise.all([1, 2, 3, 4].map(() => runIfDue(context, now)))
  await runIfDue(context, new Date('2026-03-01T19:03:00Z'))
  assert.deepEqual(await runs(), [['2026-03-01T19:00:00.000Z', null]])
  const { rows } = await pool.query('select profession, kind, state from kki.batch')
  assert.deepEqual(rows, [{ profession: null, kind: 'incremental', state: 'queued' }])
})

test('a slot that was missed by all processes is caught up at the next start', async t => {
  const { context, runs } = await setUp(t)
  await runIfDue(context, new Date('2026-03-02T10:00:00Z'))
  assert.deepEqual(await runs(), [['2026-03-01T19:00:00.000Z', null]])
})

test('a slot before the setting was changed is not caught up', async t => {
  const { context, pool, runs } = await setUp(t)
  await pool.query(`update kki.setting set changed_at = '2026-03-02 08:00+00'`)
  await runIfDue(context, new Date('2026-03-02T10:00:00Z'))
  assert.deepEqual(await runs(), [])
})

test('while the integration is off, slots are recorded as skipped', async t => {
  const { context, pool, runs } = await setUp(t)
  await pool.query('update kki.setting set active = false')
  await runIfDue(context, new Date('2026-03-01T19:00:05Z'))
  assert.deepEqual(await runs(), [['2026-03-01T19:00:00.000Z', 'INTEGRATION_DISABLED']])
})

test('a slot that comes while an incremental run is open is recorded as skipped', async t => {
  const { context, runs } = await setUp(t)
  await runIfDue(context, new Date('2026-03-01T19:00:05Z'))
  await runIfDue(context, new Date('2026-03-02T19:00:05Z'))
  assert.deepEqual(await runs(), [
    ['2026-03-01T19:00:00.000Z', null],
    ['2026-03-02T19:00:00.000Z', 'RUN_OPEN']
  ])
})
