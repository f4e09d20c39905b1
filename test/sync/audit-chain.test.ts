import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type pg from 'pg'
import type { Database } from '../../sidecar/platform/database.ts'
import { chainEvents } from '../../sidecar/sync/audit/append.ts'
import { checkChain, verifyDatabase } from '../../sidecar/sync/audit/check.ts'
import type { Head } from '../../sidecar/sync/audit/link.ts'
import { recordAudit } from '../../sidecar/sync/audit/record.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

interface Chained {
  pool: pg.Pool
  database: Database
  /** Writes events, each in a transaction of its own. */
  record(count: number): Promise<void>
  chain(): Promise<void>
  /** What the verifier finds, as `CODE link/event`. */
  findings(heads?: Head[]): Promise<string[]>
  /** Does what only somebody with all rights can do to the database. */
  tamper(statements: string): Promise<void>
}

async function openChain(t: Parameters<typeof createTestDatabase>[0], count: number): Promise<Chained> {
  const { pool, database } = await createTestDatabase(t)
  const event = { action: 'batch.applied', actor: 'sidecar', apiKeyId: null, requestId: 'r', traceId: 'a'.repeat(32) }
  const chained: Chained = {
    pool,
    database,
    async record(more) {
      for (let i = 0; i < more; i++) {
        await database.withTransaction(client => recordAudit(client, { ...event, detail: { fetched: i } }))
      }
    },
    chain: () => chainEvents({ database, logger: silent }),
    async findings(heads) {
      const { first, findings } = await verifyDatabase(pool, heads)
      assert.equal(first.length, findings)
      return first.map(({ code, seq, eventId }) => `${code} ${seq ?? '-'}/${eventId ?? '-'}`)
    },
    tamper: async statements =>
      void (await pool.query(`set session_replication_role = replica; ${statements}; reset all`))
  }
  await chained.record(count)
  await chained.chain()
  return chained
}

describe('the chain of audit events', () => {
  test('has a link for every committed event, in the order of the commits', async t => {
    const { pool, database, record, chain, findings } = await openChain(t, 2)
    const early = await pool.connect()
    await early.query(`begin; insert into kki.audit_event (action, actor) values ('late', 'x')`)
    await record(2)
    await chain()
    await early.query('commit')
    early.release()
    await chain()
    const { rows } = await pool.query('select array_agg(event_id order by seq) as ids from kki.audit_chain')
    assert.deepEqual(rows[0].ids, [1, 2, 4, 5, 3])
    assert.deepEqual(await findings(), [])
    await Promise.all(Array.from({ length: 4 }, () => chainEvents({ database, logger: silent })))
    assert.deepEqual(await findings(), [])
  })

  test('is made by one process at a time, whoever else tries', async t => {
    const { pool, record, database, findings } = await openChain(t, 0)
    await record(30)
    await Promise.all(Array.from({ length: 4 }, () => chainEvents({ database, logger: silent })))
    await chainEvents({ database, logger: silent })
    const { rows } = await pool.query('select count(*) as links, max(seq) as last from kki.audit_chain')
    assert.deepEqual(rows[0], { links: 30, last: 30 })
    assert.deepEqual(await findings(), [])
  })

  const columns = {
    at: `at + interval '1 microsecond'`,
    action: `'batch.undone'`,
    actor: `'sidecaR'`,
    api_key_id: '1',
    run_id: '1',
    batch_id: '1',
    request_id: 'null',
    trace_id: `overlay(trace_id placing 'b' from 32)`,
    detail: `'{"fetched": 2}'`
  }
  for (const [column, value] of Object.entries(columns)) {
    test(`names an event whose ${column} was changed`, async t => {
      const { tamper, findings } = await openChain(t, 4)
      await tamper(`update kki.audit_event set ${column} = ${value} where id = 2`)
      assert.deepEqual(await findings(), ['EVENT_CHANGED 2/2'])
    })
  }

  test('has no column of an event that nobody watches', async t => {
    const { pool } = await openChain(t, 0)
    const { rows } = await pool.query(
      `select array_agg(column_name::text) as names from information_schema.columns
      where table_schema = 'kki' and table_name = 'audit_event'`
    )
    assert.deepEqual(rows[0].names.sort(), ['id', ...Object.keys(columns)].sort())
  })

  test('names an event that was taken out, with its link or without', async t => {
    const { tamper, findings } = await openChain(t, 5)
    await tamper('delete from kki.audit_event where id = 2')
    assert.deepEqual(await findings(), ['EVENT_MISSING 2/2'])
    await tamper('delete from kki.audit_event where id = 4; delete from kki.audit_chain where event_id = 4')
    assert.deepEqual(await findings(), ['EVENT_MISSING 2/2', 'LINK_MISSING 4/-'])
  })

  test('names an event that was taken out before it had a link', async t => {
    const { tamper, findings, record, chain } = await openChain(t, 1)
    await record(1)
    await tamper('delete from kki.audit_event where id = 2')
    await chain()
    assert.deepEqual(await findings(), ['EVENT_MISSING -/2'])
  })

  test('names an event that was put in beside it', async t => {
    const { tamper, findings } = await openChain(t, 2)
    await tamper(`insert into kki.audit_event (action, actor) values ('batch.applied', 'sidecar')`)
    assert.deepEqual(await findings(), ['EVENT_UNLINKED -/3'])
  })

  test('names events and links that changed places', async t => {
    const { tamper, findings } = await openChain(t, 4)
    await tamper(`
      update kki.audit_chain set event_id = -2 where event_id = 2;
      update kki.audit_chain set event_id = 2 where event_id = 3;
      update kki.audit_chain set event_id = 3 where event_id = -2
    `)
    assert.deepEqual(await findings(), [
      'LINK_CHANGED 2/3',
      'EVENT_CHANGED 2/3',
      'LINK_CHANGED 3/2',
      'EVENT_CHANGED 3/2'
    ])
  })

  test('names a link that was made to fit, since the next does not follow from it', async t => {
    const { tamper, findings } = await openChain(t, 4)
    await tamper(`update kki.audit_chain set hash = sha256('forged') where seq = 2`)
    assert.deepEqual(await findings(), ['LINK_CHANGED 2/2', 'LINK_CHANGED 3/3'])
  })

  test('shows against a head that was noted elsewhere where its tail was cut off, or all of it was made anew', async t => {
    const { pool, tamper, findings, record, chain } = await openChain(t, 4)
    const { head } = await verifyDatabase(pool)
    assert.ok(head)
    await tamper('delete from kki.audit_event where id > 2; delete from kki.audit_chain where seq > 2')
    assert.deepEqual(await findings(), [])
    assert.deepEqual(await findings([head]), ['CUT_OFF 4/-'])
    await record(2)
    await chain()
    assert.deepEqual(await findings(), [])
    assert.deepEqual(await findings([head]), ['HEAD_DIFFERS 4/6'])
  })

  test('is no longer ok for the metric once a check has found something', async t => {
    const { pool, tamper } = await openChain(t, 3)
    const stored = async () => {
      await checkChain(pool, silent)
      const { rows } = await pool.query('select events, findings from kki.audit_check')
      return rows[0]
    }
    assert.deepEqual(await stored(), { events: 3, findings: 0 })
    await tamper(`update kki.audit_event set actor = 'nobody' where id = 1`)
    assert.deepEqual(await stored(), { events: 3, findings: 1 })
  })

  test('is changed by nobody who does not switch its triggers off', async t => {
    const { pool } = await openChain(t, 2)
    for (const statement of [
      'update kki.audit_event set actor = actor',
      'delete from kki.audit_event',
      'truncate kki.audit_event',
      'update kki.audit_chain set seq = seq',
      'delete from kki.audit_chain',
      'truncate kki.audit_chain'
    ]) {
      await assert.rejects(pool.query(statement), /append-only/, statement)
    }
  })
})
