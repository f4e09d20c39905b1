import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { OdooRefused } from '../../sidecar/odoo/errors.ts'
import type { PeopleJob, StateJob } from '../../sidecar/odoo/jobs.ts'
import type { OdooLink } from '../../sidecar/odoo/link.ts'
import { relayPeople, relayState } from '../../sidecar/odoo/relay.ts'
import type { Table } from '../../sidecar/odoo/tables.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'
import { rowsOf } from './helpers/tables.ts'

const { signal } = new AbortController()

/** A relay of a registry with batches; of people there are none, so that all are told as gone. */
async function setUp(t: TestContext, deliver: (ids: number[]) => Promise<void> | void) {
  const { pool } = await createTestDatabase(t)
  await pool.query(
    `with run as (
      insert into kki.run (triggered_by, mode, actor, request_id, trace_id)
      values ('command', 'full', 'test', 'test', md5('run')) returning id
    )
    insert into kki.batch (id, run_id, kind, partition, trace_id) overriding system value
    select n, run.id, 'full', n, md5('batch') from run, generate_series(1, 9) n`
  )
  const delivered: number[][] = []
  const link = {
    async deliver({ payload }: { payload: string }) {
      const told = JSON.parse(payload) as Record<string, Table>
      const ids = Object.values(told).flatMap(table => rowsOf(table).map(({ id }) => Number(id)))
      delivered.push(ids)
      await deliver(ids)
    }
  } as unknown as OdooLink
  return { context: { pool, link, logger: silent, timeZone: 'Asia/Jakarta' }, delivered }
}

const jobsOf = <T>(...data: T[]) => data.map((item, i) => ({ id: `job-${i}`, data: item, retryCount: 0, signal }))

describe('the relay', () => {
  test('tells what many jobs mean in one call', async t => {
    const { context, delivered } = await setUp(t, () => {})
    const jobs = jobsOf<StateJob>(...Array.from({ length: 150 }, () => ({ batches: [7] })), { batches: [9, 7] })
    const outcomes = await relayState(context, jobs, signal)
    assert.deepEqual(delivered, [[7, 9]])
    assert.equal(outcomes.filter(({ isDone }) => isDone).length, 151)
  })

  test('does not let a job that Odoo refuses hold up others', async t => {
    const refused = new OdooRefused('odoo.exceptions.ValidationError')
    const { context } = await setUp(t, ids => {
      if (ids.includes(2)) throw refused
    })
    const outcomes = await relayState(
      context,
      jobsOf<StateJob>({ batches: [1] }, { batches: [2] }, { batches: [3] }),
      signal
    )
    assert.deepEqual(
      outcomes.map(({ isDone }) => isDone),
      [true, false, true]
    )
  })

  test('makes two calls with people at a time, and none after one has failed', async t => {
    let busy = 0
    let busiest = 0
    const failed = Promise.withResolvers<void>()
    const { context, delivered } = await setUp(t, async ids => {
      busiest = Math.max(busiest, ++busy)
      if (ids[0] === 0) {
        // The other one is under way, and ends after this one has failed.
        while (busy < 2) await wait(5)
        busy--
        failed.resolve()
        throw new Error('the process stops')
      }
      await failed.promise
      await wait(20)
      busy--
    })
    const people = Array.from({ length: 30_000 }, (_, i) => i)
    await assert.rejects(relayPeople(context, jobsOf<PeopleJob>({ people }), signal), /the process stops/)
    assert.equal(busy, 0, 'none is under way any more')
    assert.equal(busiest, 2)
    assert.equal(delivered.length, 2)
    await relayPeople(context, jobsOf<PeopleJob>({ people: people.slice(1) }), signal)
    assert.equal(busiest, 2)
    assert.equal(delivered.length, 2 + 6)
  })
})
