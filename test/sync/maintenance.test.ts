import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { maintain } from '../../sidecar/sync/maintenance.ts'
import type { Purged } from '../../sidecar/sync/metrics.ts'
import { startConnector } from '../e2e/helpers.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

async function setUp(t: TestContext) {
  const { database, pool } = await createTestDatabase(t)
  const counted: Partial<Record<Purged, number>> = {}
  const metrics = {
    batchEnded() {},
    purged(what: Purged, count: number) {
      counted[what] = (counted[what] ?? 0) + count
    }
  }
  const events = async () => {
    const { rows } = await pool.query(
      `select detail from kki.audit_event where action = 'retention.purged' order by id`
    )
    return rows
  }
  /** A batch that ended that many days ago, with rejected rows and staging. */
  const batch = async (state: string, daysAgo: number, refused: number): Promise<number> => {
    const { rows } = await pool.query<{ id: number }>(
      `with run as (
        insert into kki.run (triggered_by, mode, actor, request_id, trace_id, finished_at)
        values ('command', 'full', 'test', 'test', repeat('a', 32), now()) returning id
      )
      insert into kki.batch (run_id, kind, state, trace_id, finished_at, error_code)
      select id, 'full', $1, repeat('a', 32), now() - make_interval(days => $2),
        case when $1 = 'failed' then 'TEST' end
      from run returning id`,
      [state, daysAgo]
    )
    const id = rows[0]?.id as number
    await database.pool.query('select kki.open_staging($1)', [id])
    await pool.query(
      `with rejection as (
        insert into kki.rejection (subject, code, problems, urgent, first_batch_id, last_batch_id)
        select 'row:' || n || ':' || $1::bigint, 'STR_INVALID', '[]', false, $1::bigint, $1::bigint from generate_series(1, $2::int) n returning id
      )
      insert into kki.rejection_occurrence (batch_id, row_no, rejection_id, page, page_row, raw_sealed)
      select $1::bigint, id, id, 1, 1, 'sealed' from rejection`,
      [id, refused]
    )
    return id
  }
  const keep = (rawRetentionDays: number) =>
    maintain({
      database,
      metrics,
      logger: silent,
      rawRetentionDays,
      disclosureRetentionDays: 730,
      timeZone: 'Asia/Jakarta'
    })
  const raw = async (id: number) => {
    const { rows } = await pool.query<{ kept: number; all: number }>(
      'select count(raw_sealed) as kept, count(*) as all from kki.rejection_occurrence where batch_id = $1',
      [id]
    )
    return rows[0]
  }
  const hasStaging = async (id: number) => {
    const { rows } = await pool.query(`select to_regnamespace('batch_' || $1::bigint) is not null as has`, [id])
    return rows[0].has as boolean
  }
  return { pool, batch, keep, raw, hasStaging, counted, events }
}

test('raw rows are deleted after their retention and not before, and the rejection stays', async t => {
  const { batch, keep, raw, counted, events } = await setUp(t)
  const old = await batch('applied', 91, 3)
  const older = await batch('applied', 93, 2)
  const young = await batch('applied', 89, 4)
  await keep(90)
  assert.deepEqual(
    [await raw(old), await raw(older), await raw(young)],
    [
      { kept: 0, all: 3 },
      { kept: 0, all: 2 },
      { kept: 4, all: 4 }
    ]
  )
  assert.equal(counted.raw_rows, 5)
  const [event, ...others] = await events()
  assert.deepEqual(others, [])
  assert.deepEqual([event.detail.rows, event.detail.rawRetentionDays], [5, 90])
  assert.deepEqual(Object.values(event.detail.rowsOfDays), [2, 3])
  await keep(90)
  assert.equal(counted.raw_rows, 5, 'nothing goes twice')
  assert.equal((await events()).length, 1)
})

test('the staging of a batch is dropped after its end, whatever its outcome, and stays for a held batch', async t => {
  const { batch, keep, hasStaging, counted } = await setUp(t)
  const ended = await Promise.all(
    ['applied', 'failed', 'cancelled', 'discarded', 'superseded'].map(state => batch(state, 1, 0))
  )
  const open = await Promise.all(['queued', 'fetching', 'staged', 'planned', 'held'].map(state => batch(state, 1, 0)))
  await keep(3650)
  for (const id of ended) assert.equal(await hasStaging(id), false)
  for (const id of open) assert.equal(await hasStaging(id), true)
  assert.deepEqual(counted, { staging: 5 })
})

test('staging in use is dropped later, and blocks nothing', async t => {
  const { pool, batch, keep, hasStaging } = await setUp(t)
  const id = await batch('applied', 1, 0)
  const reader = await pool.connect()
  try {
    await reader.query('begin')
    await reader.query('select from kki.staged_row')
    await keep(3650)
    assert.equal(await hasStaging(id), true)
    await reader.query('rollback')
  } finally {
    reader.release()
  }
  await keep(3650)
  assert.equal(await hasStaging(id), false)
})

test('the counters are 0 from the start', async t => {
  const { app } = await startConnector(t)
  const { body } = await app.inject('/metrics')
  for (const what of ['staging', 'raw_rows'])
    assert.match(body, new RegExp(`^sdmk_retention_purged_total\\{what="${what}"\\} 0$`, 'm'))
})
