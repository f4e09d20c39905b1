import assert from 'node:assert/strict'
import { createSecretKey, hash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import type pg from 'pg'
import { type ChainContext, chainEvents } from '../../sidecar/audit/append.ts'
import { checkChain, verifyDatabase } from '../../sidecar/audit/check.ts'
import { eventText, type Head, hashEvent, hashLink, origin } from '../../sidecar/audit/link.ts'
import { recordAudit } from '../../sidecar/audit/record.ts'
import { createIdentityKeys, newKey } from '../../sidecar/identity/keys.ts'
import type { Database } from '../../sidecar/platform/database.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

interface Chained {
  pool: pg.Pool
  database: Database
  /** That of one process. */
  context: ChainContext
  /** Writes events, each in its own transaction. */
  record(count: number): Promise<void>
  chain(): Promise<void>
  /** The findings of the verifier, as `CODE link/event`. */
  findings(heads?: Head[]): Promise<string[]>
  /** Changes the database with the rights of a superuser. */
  tamper(statements: string): Promise<void>
}

const secret = { digestKey: newKey(), sealKeyId: '1', sealKey1: newKey(), auditKeyId: '1', auditKey1: newKey() }

function contextOf(database: Database, keys: Record<string, string>): ChainContext {
  return { database, keys: createIdentityKeys(keys), logger: silent, memory: { head: null } }
}

async function openChain(t: Parameters<typeof createTestDatabase>[0], count: number): Promise<Chained> {
  const { pool, database } = await createTestDatabase(t)
  const context = contextOf(database, secret)
  const event = {
    action: 'batch.applied',
    actor: 'sidecar',
    apiKeyId: null,
    requestId: 'r',
    traceId: 'a'.repeat(32)
  } as const
  const chained: Chained = {
    pool,
    database,
    context,
    async record(more) {
      for (let i = 0; i < more; i++) {
        await database.withTransaction(client => recordAudit(client, { ...event, detail: { fetched: i } }))
      }
    },
    chain: () => chainEvents(context),
    async findings(heads) {
      const { first, findings } = await verifyDatabase(pool, context.keys, heads)
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
    await Promise.all(Array.from({ length: 4 }, () => chainEvents(contextOf(database, secret))))
    assert.deepEqual(await findings(), [])
  })

  test('is written by one process at a time', async t => {
    const { pool, record, database, findings } = await openChain(t, 0)
    await record(30)
    await Promise.all(Array.from({ length: 4 }, () => chainEvents(contextOf(database, secret))))
    await chainEvents(contextOf(database, secret))
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

  test('covers every column of an event', async t => {
    const { pool } = await openChain(t, 0)
    const { rows } = await pool.query(
      `select array_agg(column_name::text) as names from information_schema.columns
      where table_schema = 'kki' and table_name = 'audit_event'`
    )
    assert.deepEqual(rows[0].names.sort(), ['id', ...Object.keys(columns)].sort())
  })

  test('names an event that was removed, with its link or without', async t => {
    const { tamper, findings } = await openChain(t, 5)
    await tamper('delete from kki.audit_event where id = 2')
    assert.deepEqual(await findings(), ['EVENT_MISSING 2/2'])
    await tamper('delete from kki.audit_event where id = 4; delete from kki.audit_chain where event_id = 4')
    assert.deepEqual(await findings(), ['EVENT_MISSING 2/2', 'LINK_MISSING 4/-'])
  })

  test('names an event that was removed before it had a link', async t => {
    const { tamper, findings, record, chain } = await openChain(t, 1)
    await record(1)
    await tamper('delete from kki.audit_event where id = 2')
    await chain()
    assert.deepEqual(await findings(), ['EVENT_MISSING -/2'])
  })

  test('names an event that was added next to the chain', async t => {
    const { tamper, findings } = await openChain(t, 2)
    await tamper(`insert into kki.audit_event (action, actor) values ('batch.applied', 'sidecar')`)
    assert.deepEqual(await findings(), ['EVENT_UNLINKED -/3'])
  })

  test('names events and links that were swapped', async t => {
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

  test('names a forged link, because the next link does not follow from it', async t => {
    const { tamper, findings } = await openChain(t, 4)
    await tamper(`update kki.audit_chain set hash = sha256('forged') where seq = 2`)
    assert.deepEqual(await findings(), ['LINK_CHANGED 2/2', 'LINK_CHANGED 3/3'])
  })

  test('shows with a head from elsewhere that its tail was cut off or replaced', async t => {
    const { pool, context, tamper, findings, record, chain } = await openChain(t, 4)
    const { head } = await verifyDatabase(pool, context.keys)
    assert.ok(head)
    await tamper('delete from kki.audit_event where id > 2; delete from kki.audit_chain where seq > 2')
    assert.deepEqual(await findings(), [])
    assert.deepEqual(await findings([head]), ['CUT_OFF 4/-'])
    await record(2)
    await chain()
    assert.deepEqual(await findings(), [])
    assert.deepEqual(await findings([head]), ['HEAD_DIFFERS 4/6'])
  })

  test('is not ok for the metric once a check has found a break', async t => {
    const { pool, context, tamper } = await openChain(t, 3)
    const stored = async () => {
      await checkChain(context)
      const { rows } = await pool.query('select events, findings from kki.audit_check')
      return rows[0]
    }
    assert.deepEqual(await stored(), { events: 3, findings: 0 })
    await tamper(`update kki.audit_event set actor = 'nobody' where id = 1`)
    assert.deepEqual(await stored(), { events: 3, findings: 1 })
  })

  test('cannot be changed without disabling its triggers', async t => {
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

/** An attack by the owner of the database: changes an event and rebuilds all links, each with the hash that `link` returns. */
async function forge(
  { pool, tamper }: Chained,
  link: (previous: string, text: string, of: { seq: number; eventId: number; eventHash: string }) => string,
  keyId = 1
) {
  await tamper(`update kki.audit_event set actor = 'somebody else' where id = 2`)
  const { rows } = await pool.query<{ seq: number; eventId: number; text: string }>(
    `select c.seq, c.event_id as "eventId", ${eventText} as text
    from kki.audit_chain c join kki.audit_event e on e.id = c.event_id order by c.seq`
  )
  let previous = origin
  const updates: string[] = []
  for (const { seq, eventId, text } of rows) {
    const eventHash = hashEvent(text)
    previous = link(previous, `${previous} ${seq} ${eventId} ${eventHash}`, { seq, eventId, eventHash })
    updates.push(
      `update kki.audit_chain set event_hash = '\\x${eventHash}', hash = '\\x${previous}', key_id = ${keyId} where seq = ${seq}`
    )
  }
  await tamper(updates.join(';'))
}

/** What an alarm sees after the next check of a process. */
async function isOkAfterCheck(context: ChainContext): Promise<boolean> {
  await checkChain(context)
  const { rows } = await context.database.pool.query('select findings = 0 as "isOk" from kki.audit_check')
  return rows[0].isOk
}

describe('the owner of the database, without the key, is noticed', () => {
  const otherKey = createSecretKey(randomBytes(32))
  const forgeries: Record<string, (chain: Chained) => Promise<void>> = {
    'with plain hashes': chain => forge(chain, (_, text) => hash('sha256', text)),
    'with another key': chain => forge(chain, (previous, _, of) => hashLink(otherKey, previous, of)),
    'with the hash of the event as key': chain =>
      forge(chain, (previous, _, of) => hashLink(createSecretKey(Buffer.from(of.eventHash, 'hex')), previous, of))
  }
  for (const [how, attack] of Object.entries(forgeries)) {
    test(`after rebuilding all links ${how}, by verify and by the check`, async t => {
      const chain = await openChain(t, 4)
      assert.equal(await isOkAfterCheck(chain.context), true)
      await attack(chain)
      assert.deepEqual(await chain.findings(), [
        'LINK_CHANGED 1/1',
        'LINK_CHANGED 2/2',
        'LINK_CHANGED 3/3',
        'LINK_CHANGED 4/4'
      ])
      assert.equal(await isOkAfterCheck(chain.context), false)
      assert.equal(await isOkAfterCheck(contextOf(chain.database, secret)), false, 'a process that remembers nothing')
      // Links that the service adds make it no better.
      await chain.record(1)
      await chain.chain()
      assert.equal((await chain.findings()).length, 4)
    })
  }

  test('after naming an unknown key', async t => {
    const chain = await openChain(t, 3)
    await forge(chain, (previous, _, of) => hashLink(otherKey, previous, of), 9)
    assert.deepEqual(await chain.findings(), ['KEY_UNKNOWN 1/1', 'KEY_UNKNOWN 2/2', 'KEY_UNKNOWN 3/3'])
  })

  const cut = 'delete from kki.audit_event where id > 2; delete from kki.audit_chain where seq > 2'
  test('after cutting off the end, by a process that remembers it', async t => {
    const { context, tamper, record, chain } = await openChain(t, 4)
    await tamper(cut)
    assert.equal(await isOkAfterCheck(context), false)
    await record(3)
    await chain()
    assert.equal(await isOkAfterCheck(context), false, 'the service chained more events after the cut')
    assert.equal(await isOkAfterCheck(context), false, 'a check that finds something forgets nothing')
  })

  test('after cutting off the end between two checks, whichever process wrote the links', async t => {
    const { database, context, tamper } = await openChain(t, 4)
    const other = contextOf(database, secret)
    assert.equal(await isOkAfterCheck(other), true)
    await tamper(cut)
    assert.equal(await isOkAfterCheck(other), false)
    assert.equal(await isOkAfterCheck(context), false)
  })

  test('after deleting the whole chain', async t => {
    const { context, tamper } = await openChain(t, 3)
    await tamper('delete from kki.audit_event; delete from kki.audit_chain')
    assert.equal(await isOkAfterCheck(context), false)
  })
})

describe('a replaced audit key', () => {
  const replaced = (head: Head | null) => ({
    ...secret,
    ...(head && { auditHead1: `${head.seq}:${head.hash}` }),
    auditKeyId: '2',
    auditKey2: newKey()
  })

  test('signs from then on, and the former key verifies its own links', async t => {
    const chained = await openChain(t, 2)
    const { pool, database, context, record } = chained
    const { head } = await verifyDatabase(pool, context.keys)
    const later = contextOf(database, replaced(head))
    await record(2)
    await chainEvents(later)
    const { rows } = await pool.query('select array_agg(key_id order by seq) as ids from kki.audit_chain')
    assert.deepEqual(rows[0].ids, [1, 1, 2, 2])
    assert.equal((await verifyDatabase(pool, later.keys)).findings, 0)
  })

  test('does not let a holder of the former key rebuild the chain from before', async t => {
    const chained = await openChain(t, 3)
    const { pool, database, context } = chained
    const { head } = await verifyDatabase(pool, context.keys)
    const former = createSecretKey(Buffer.from(secret.auditKey1, 'base64'))
    await forge(chained, (previous, _, of) => hashLink(former, previous, of))
    assert.equal((await verifyDatabase(pool, context.keys)).findings, 0, 'who has the key can make a chain')
    const { first } = await verifyDatabase(pool, contextOf(database, replaced(head)).keys)
    assert.deepEqual(first, [{ code: 'HEAD_DIFFERS', seq: 3, eventId: 3 }])
  })
})
