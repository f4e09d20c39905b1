import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkDatabase } from '../../sidecar/platform/connection.ts'
import { createDatabase, type OdooNotice } from '../../sidecar/platform/database.ts'
import { DatabaseUnavailable } from '../../sidecar/platform/errors.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

test('counts are numbers, days are text and instants are dates', async t => {
  const { pool } = await createTestDatabase(t)
  const { rows } = await pool.query(
    `select 9007199254740991::int8 as count, date '1990-02-28' as day, timestamptz '2026-01-01 00:00Z' as instant,
      array[1, null]::int8[] as counts, array[date '1990-02-28'] as days`
  )
  assert.deepEqual(rows[0], {
    count: 9007199254740991,
    day: '1990-02-28',
    instant: new Date('2026-01-01T00:00:00Z'),
    counts: [1, null],
    days: ['1990-02-28']
  })
})

test('a count that a number cannot hold is an error and not another count', async t => {
  const { pool } = await createTestDatabase(t)
  await assert.rejects(pool.query('select 9007199254740993::int8'), RangeError)
})

test('a transaction that throws leaves nothing behind and its connection usable', async t => {
  const { database, pool } = await createTestDatabase(t)
  await pool.query('create table public.note (text text); grant all on public.note to public')
  const failure = new Error('no')
  await assert.rejects(
    database.withTransaction(async client => {
      await client.query(`insert into note values ('lost')`)
      throw failure
    }),
    failure
  )
  const stored = await database.withTransaction(async client => {
    await client.query(`insert into note values ('kept')`)
    return (await client.query('select text from note')).rows
  })
  assert.deepEqual(stored, [{ text: 'kept' }])
  assert.equal(database.pool.totalCount, database.pool.idleCount)
})

test('a connection that breaks while its transaction waits fails only that transaction, not the process', async t => {
  const { database, pool } = await createTestDatabase(t)
  const { promise: broken, resolve } = Promise.withResolvers<void>()
  await assert.rejects(
    database.withTransaction(async client => {
      const { rows } = await client.query('select pg_backend_pid() as pid')
      client.once('end', resolve)
      await pool.query('select pg_terminate_backend($1)', [rows[0].pid])
      await broken
      await client.query('select 1')
    }),
    /not queryable/
  )
  assert.equal(await database.withTransaction(async client => (await client.query('select 1')).rowCount), 1)
})

test('notices for Odoo of a rolled back transaction are not sent with the next one', async t => {
  const { database } = await createTestDatabase(t)
  const told: OdooNotice[] = []
  database.setOdooOutbox(async (_, notices) => void told.push(...notices))
  const failure = new Error('no')
  await assert.rejects(
    database.withTransaction(async client => {
      client.notifyOdoo({ people: [1] })
      throw failure
    }),
    failure
  )
  await database.withTransaction(async client => client.notifyOdoo({ people: [2] }))
  assert.deepEqual(told, [{ people: [2] }])
})

test('a transaction with a notice for Odoo fails if the process has no handler for it', async t => {
  const { url, pool } = await createTestDatabase(t)
  const database = createDatabase({ url, maxConnections: 1 }, silent)
  t.after(() => database.pool.end())
  await pool.query('create table public.note (text text); grant all on public.note to public')
  await assert.rejects(
    database.withTransaction(async client => {
      await client.query(`insert into note values ('untold')`)
      client.notifyOdoo({ setting: true })
    }),
    /has set no outbox/
  )
  assert.equal((await pool.query('select from note')).rowCount, 0)
})

test('only one holder of a lock name works at a time', async t => {
  const { database } = await createTestDatabase(t)
  let busy = 0
  let most = 0
  const work = () =>
    database.withAdvisoryLock('test', async client => {
      busy++
      most = Math.max(most, busy)
      await client.query('select 1')
      busy--
    })
  await Promise.all([work(), work(), work()])
  assert.equal(most, 1)
})

test('a database that cannot be used is named by host and port, with the reason and without the login', async t => {
  const { url } = await createTestDatabase(t)
  const wrongPassword = new URL(url)
  wrongPassword.password = 'wrong-secret'
  const wrongName = new URL(url)
  wrongName.pathname = '/nothing-here'
  const cases: [string, RegExp][] = [
    ['postgres://me:wrong-secret@127.0.0.1:1/sdmk', /at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/],
    [wrongPassword.href, /denies the login \(28P01\)/],
    [wrongName.href, /has no database of that name \(3D000\)/]
  ]
  for (const [address, reason] of cases) {
    await assert.rejects(checkDatabase(address), (error: unknown) => {
      assert.ok(error instanceof DatabaseUnavailable)
      assert.match(error.message, /^SDMK_DATABASE_URL: /)
      assert.match(error.message, reason)
      assert.doesNotMatch(error.message, /secret/)
      return true
    })
  }
})
