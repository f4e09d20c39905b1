import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { MigrationFailed, SchemaBehind } from '../../sidecar/platform/errors.ts'
import { assertMigrated, migrate } from '../../sidecar/platform/migrations.ts'
import { createQueue, queues } from '../../sidecar/platform/queue.ts'
import { serverUrl, silent, urlOf, withAdmin } from '../helpers/server.ts'

/** A database that nobody has migrated. */
async function emptyDatabase(t: TestContext): Promise<string> {
  const server = await serverUrl()
  const name = `sdmk_empty_${randomBytes(8).toString('hex')}`
  await withAdmin(server, client => client.query(`create database ${name}`))
  t.after(() => withAdmin(server, client => client.query(`drop database ${name} with (force)`)))
  return urlOf(server, name)
}

/** A folder of migrations; its name has characters with a meaning in file patterns. */
async function migrations(t: TestContext, files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk (1) [a]-'))
  t.after(() => rm(directory, { recursive: true }))
  for (const [name, sql] of Object.entries(files)) await writeFile(path.join(directory, name), sql)
  return directory
}

test('several processes that migrate at once apply each file once, and a later call has nothing to do', async t => {
  const databaseUrl = await emptyDatabase(t)
  const results = await Promise.all([1, 2, 3].map(() => migrate({ databaseUrl, logger: silent })))
  const working = results.filter(({ applied }) => applied.length > 0)
  assert.equal(working.length, 1)
  assert.equal(working[0]?.from, 0)
  assert.deepEqual(
    working[0]?.applied.map(({ version }) => version),
    Array.from({ length: working[0]?.to ?? 0 }, (_, index) => index + 1)
  )
  const again = await migrate({ databaseUrl, logger: silent })
  assert.deepEqual(again.applied, [])

  const { pool } = createDatabase({ url: databaseUrl, maxConnections: 1 }, silent)
  t.after(() => pool.end())
  await assertMigrated(pool)
  const { rows } = await pool.query('select name, policy, heartbeat_seconds from pgboss.queue order by name')
  const names = Object.keys(queues).sort()
  assert.deepEqual(
    rows.filter(({ name }) => names.includes(name)),
    names.map(name => ({ name, policy: queues[name as keyof typeof queues].policy, heartbeat_seconds: 10 }))
  )
})

test('a failing migration leaves the database unchanged and names only the fault', async t => {
  const databaseUrl = await emptyDatabase(t)
  const directory = await migrations(t, {
    '0001.do.good.sql': 'create table good ()',
    '0002.do.bad.sql': 'create table good ()'
  })
  await assert.rejects(migrate({ databaseUrl, logger: silent, directory }), MigrationFailed)
  const { pool } = createDatabase({ url: databaseUrl, maxConnections: 1 }, silent)
  t.after(() => pool.end())
  const { rows } = await pool.query(`select to_regclass('good') as good, to_regclass('kki.schema_version') as version`)
  assert.deepEqual(rows, [{ good: null, version: null }])
})

test('a database of an older version gets the missing migrations and keeps its rows', async t => {
  const databaseUrl = await emptyDatabase(t)
  const directory = await migrations(t, { '0001.do.first.sql': 'create table note as select 1 as one' })
  await migrate({ databaseUrl, logger: silent, directory })
  await writeFile(path.join(directory, '0002.do.second.sql'), 'alter table note add column two int default 2')
  const { from, to, applied } = await migrate({ databaseUrl, logger: silent, directory })
  assert.deepEqual({ from, to, applied }, { from: 1, to: 2, applied: [{ version: 2, name: 'second' }] })
  const { pool } = createDatabase({ url: databaseUrl, maxConnections: 1 }, silent)
  t.after(() => pool.end())
  const { rows } = await pool.query('select * from note')
  assert.deepEqual(rows, [{ one: 1, two: 2 }])
})

test('a migration that changed after it was applied is rejected', async t => {
  const databaseUrl = await emptyDatabase(t)
  const directory = await migrations(t, { '0001.do.first.sql': 'create table first ()' })
  await migrate({ databaseUrl, logger: silent, directory })
  await writeFile(path.join(directory, '0001.do.first.sql'), 'create table other ()')
  await assert.rejects(migrate({ databaseUrl, logger: silent, directory }), /checksum failed for migration \[1\]/)
})

test('a program on a database without migrations names the command to run', async t => {
  const url = await emptyDatabase(t)
  const { pool } = createDatabase({ url, maxConnections: 1 }, silent)
  t.after(() => pool.end())
  await assert.rejects(assertMigrated(pool), (error: unknown) => {
    assert.ok(error instanceof SchemaBehind)
    assert.match(error.message, /at version 0 and this program needs \d+; run "sdmk migrate" first/)
    return true
  })
  await assert.rejects(createQueue({ url, shutdownTimeoutSeconds: 1 }, silent), SchemaBehind)
})
