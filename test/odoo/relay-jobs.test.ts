import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { OdooRefused } from '../../sidecar/odoo/errors.ts'
import type { PeopleJob, StateJob } from '../../sidecar/odoo/jobs.ts'
import type { OdooLink } from '../../sidecar/odoo/link.ts'
import { relayPeople, relayState } from '../../sidecar/odoo/relay.ts'
import { silent } from '../helpers/server.ts'

const { signal } = new AbortController()

/** A relay whose payloads are the ids that they were made for. */
function setUp(deliver: (ids: number[]) => Promise<void> | void) {
  const delivered: number[][] = []
  const pool = {
    query: async (_: string, ids: number[][]) => ({ rows: [{ payload: JSON.stringify(ids.flat()), rows: 1 }] })
  } as unknown as pg.Pool
  const link = {
    async deliver({ payload }: { payload: string }) {
      const ids = JSON.parse(payload) as number[]
      delivered.push(ids)
      await deliver(ids)
    }
  } as unknown as OdooLink
  return { context: { pool, link, logger: silent, timeZone: 'Asia/Jakarta' }, delivered }
}

const jobsOf = <T>(...data: T[]) => data.map((item, i) => ({ id: `job-${i}`, data: item, retryCount: 0, signal }))

describe('the relay', () => {
  test('tells what many jobs mean in one call', async () => {
    const { context, delivered } = setUp(() => {})
    const jobs = jobsOf<StateJob>(...Array.from({ length: 150 }, () => ({ batches: [7] })), { batches: [9, 7] })
    const outcomes = await relayState(context, jobs, signal)
    assert.deepEqual(delivered, [[7, 9]])
    assert.equal(outcomes.filter(({ isDone }) => isDone).length, 151)
  })

  test('does not let a job that Odoo refuses hold up others', async () => {
    const refused = new OdooRefused('odoo.exceptions.ValidationError')
    const { context } = setUp(ids => {
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

  test('makes two calls with people at a time, and none after one has failed', async () => {
    let busy = 0
    let busiest = 0
    const { context, delivered } = setUp(async ids => {
      busiest = Math.max(busiest, ++busy)
      await wait(20)
      busy--
      if (ids[0] === 0) throw new Error('the process stops')
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
