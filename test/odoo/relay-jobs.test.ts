import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { OdooCallNotMade, OdooDenied, OdooUnavailable } from '../../sidecar/odoo/errors.ts'
import type { PeopleJob, StateJob } from '../../sidecar/odoo/jobs.ts'
import type { OdooLink } from '../../sidecar/odoo/link.ts'
import { relayPeople, relayState } from '../../sidecar/odoo/relay.ts'
import type { Table } from '../../sidecar/odoo/tables.ts'
import type { Job } from '../../sidecar/platform/queue.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'
import { rowsOf } from './helpers/tables.ts'

const { signal } = new AbortController()

/** A relay of a registry with batches and without people, so that all people are sent as deleted. */
async function setUp(t: TestContext, deliver: (ids: number[]) => Promise<void> | void) {
  const { pool } = await createTestDatabase(t)
  await pool.query(
    `with run as (
      insert into kki.run (triggered_by, mode, actor, request_id, trace_id)
      values ('command', 'full', 'test', 'test', md5('run')) returning id
    )
    insert into kki.batch (id, run_id, kind, trace_id) overriding system value
    select n, run.id, 'full', md5('batch') from run, generate_series(1, 9) n`
  )
  const delivered: number[][] = []
  const link = {
    async deliver({ payload }: { payload: string }) {
      const { repair, ...told } = JSON.parse(payload) as Record<string, Table> & { repair?: Record<string, number[]> }
      const [from, to] = Object.values(repair ?? {})[0] ?? [1, 0]
      const range = Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i)
      const ids = [...range, ...Object.values(told).flatMap(table => rowsOf(table).map(({ id }) => Number(id)))]
      delivered.push(ids)
      await deliver(ids)
    }
  } as unknown as OdooLink
  const sent: object[] = []
  const resend = async (_queue: string, data: object[]) => void sent.push(...data)
  return { context: { pool, link, logger: silent, timeZone: 'Asia/Jakarta', resend }, delivered, sent }
}

const jobsOf = <T>(...data: T[]) => data.map((item, i) => ({ id: `job-${i}`, data: item, retryCount: 0, signal }))

describe('the relay', () => {
  test('sends the content of many jobs in one call', async t => {
    const { context, delivered } = await setUp(t, () => {})
    const jobs = jobsOf<StateJob>(...Array.from({ length: 150 }, () => ({ batches: [7] })), { batches: [9, 7] })
    const outcomes = await relayState(context, jobs, signal)
    assert.deepEqual(delivered, [[7, 9]])
    assert.equal(outcomes.filter(({ isDone }) => isDone).length, 151)
  })

  test('does not let a job that Odoo rejects delay others', async t => {
    const refused = new OdooDenied('odoo.exceptions.ValidationError')
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

  for (const [what, error] of Object.entries({
    'that Odoo denies': new OdooDenied('odoo.exceptions.ValidationError'),
    'that Odoo fails over': new OdooUnavailable('failed', 'answers 500'),
    'that cannot be written down': new OdooCallNotMade(),
    'that cannot be read': new TypeError('Orang Rahasia')
  })) {
    test(`leaves out the one record ${what}, sends all others, and keeps a job for that record alone`, async t => {
      const told = new Set<number>()
      const { context, sent } = await setUp(t, ids => {
        if (ids.includes(1234)) throw error
        for (const id of ids) told.add(id)
      })
      const people = Array.from({ length: 6000 }, (_, i) => i + 1)
      const jobs = jobsOf<PeopleJob>({ people }, { repair: { from: 1230, to: 1240 } })
      const outcomes = await relayPeople(context, jobs, signal)
      assert.deepEqual(outcomes, [
        { id: 'job-0', isDone: true },
        { id: 'job-1', isDone: true }
      ])
      assert.equal(told.size, 5999)
      assert.deepEqual(sent.splice(0), [{ repair: { from: 1234, to: 1234 } }, { people: [1234] }])
      const [own, ...others] = jobsOf<PeopleJob>({ people: [1234] }, { people: [1] }, { people: [2] })
      const again = await relayPeople(context, [{ ...(own as Job<PeopleJob>), retryCount: 3 }, ...others], signal)
      assert.deepEqual(Object.fromEntries(again.map(({ id, isDone }) => [id, isDone])), {
        'job-0': false,
        'job-1': true,
        'job-2': true
      })
      assert.deepEqual(sent, [])
    })
  }

  test('rethrows an error that also fails a call without records, and blames no record', async t => {
    const { context, delivered, sent } = await setUp(t, () => {
      throw new OdooDenied('odoo.exceptions.AccessError')
    })
    await assert.rejects(relayPeople(context, jobsOf<PeopleJob>({ people: [1, 2, 3] }), signal), OdooDenied)
    assert.ok(delivered.length <= 4, String(delivered.length))
    assert.deepEqual(sent, [])
  })

  test('does not blame thousands of records if Odoo fails for every write', async t => {
    const { context, delivered } = await setUp(t, ids => {
      if (ids.length > 0) throw new OdooUnavailable('failed', 'answers 500')
    })
    const people = Array.from({ length: 5000 }, (_, i) => i + 1)
    const outcomes = await relayPeople(context, jobsOf<PeopleJob>({ people }), signal)
    assert.deepEqual(outcomes, [{ id: 'job-0', isDone: false }])
    assert.ok(delivered.length < 200, String(delivered.length))
  })

  test('sends batches although the codes cannot be sent', async t => {
    const { context } = await setUp(t, () => {})
    const told: string[] = []
    context.link.deliver = async ({ model }) => {
      if (model === 'sdmk.code') throw new OdooCallNotMade()
      told.push(model)
    }
    const outcomes = await relayState(context, jobsOf<StateJob>({ words: true }, { batches: [7] }), signal)
    assert.deepEqual(
      outcomes.map(({ isDone }) => isDone),
      [false, true]
    )
    assert.ok(told.includes('sdmk.batch'))
  })

  test('makes two calls with people at a time, and no more after a failure', async t => {
    let busy = 0
    let busiest = 0
    const failed = Promise.withResolvers<void>()
    const leaving = new AbortController()
    const { context, delivered } = await setUp(t, async ids => {
      busiest = Math.max(busiest, ++busy)
      if (ids[0] === 0) {
        // The other one is under way, and ends after this one has failed.
        while (busy < 2) await wait(5)
        busy--
        failed.resolve()
        leaving.abort(new Error('the process stops'))
        throw leaving.signal.reason
      }
      await failed.promise
      await wait(20)
      busy--
    })
    const people = Array.from({ length: 30_000 }, (_, i) => i)
    await assert.rejects(relayPeople(context, jobsOf<PeopleJob>({ people }), leaving.signal), /the process stops/)
    assert.equal(busy, 0, 'none is under way any more')
    assert.equal(busiest, 2)
    assert.equal(delivered.length, 2)
    await relayPeople(context, jobsOf<PeopleJob>({ people: people.slice(1) }), signal)
    assert.equal(busiest, 2)
    assert.equal(delivered.length, 2 + 6)
  })
})
