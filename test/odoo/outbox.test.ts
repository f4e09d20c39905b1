import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { OdooConfig } from '../../sidecar/config.ts'
import { createOdooOutbox } from '../../sidecar/odoo/jobs.ts'
import { createQueue } from '../../sidecar/platform/queue.ts'
import { ensureSetting } from '../../sidecar/sync/settings.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

async function setUp(t: TestContext, odoo: OdooConfig | null = {} as OdooConfig) {
  const { url, database, pool } = await createTestDatabase(t)
  const queue = await createQueue({ url, shutdownTimeoutSeconds: 1 }, silent)
  t.after(() => queue.close())
  database.setOdooOutbox(createOdooOutbox(odoo, queue))
  const jobs = async () =>
    (await pool.query<{ data: object }>(`select data from pgboss.job where name like 'odoo-%' order by data::text`))
      .rows
  return { database, jobs: async () => (await jobs()).map(({ data }) => data) }
}

test('jobs for changed records are committed with their transaction, each record once', async t => {
  const { database, jobs } = await setUp(t)
  await database.withTransaction(async client => {
    client.notifyOdoo({ batches: [1], people: [5] })
    client.notifyOdoo({ batches: [2, 1], rejections: [], auditHead: true })
    assert.deepEqual(await jobs(), [])
  })
  assert.deepEqual(await jobs(), [{ auditHead: true }, { batches: [1, 2] }, { people: [5] }])
})

test('one notice may name more records than a query has parameters', async t => {
  const { database, jobs } = await setUp(t)
  const ids = Array.from({ length: 200_000 }, (_, n) => n + 1)
  await database.withTransaction(async client => client.notifyOdoo({ rejections: ids }))
  assert.equal((await jobs()).length, 40)
})

test('without an Odoo there are no jobs', async t => {
  const { database, jobs } = await setUp(t, null)
  await database.withTransaction(async client => client.notifyOdoo({ batches: [1], people: [5] }))
  assert.deepEqual(await jobs(), [])
})

test('the first setting is sent to Odoo', async t => {
  const { database, jobs } = await setUp(t)
  for (let start = 0; start < 2; start++) await database.withTransaction(client => ensureSetting(client, '0 2 * * *'))
  assert.deepEqual(await jobs(), [{ setting: true }])
})
