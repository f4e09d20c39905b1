import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { serviceRole } from '../../sidecar/platform/embedded-database.ts'
import { MigrationFailed, SchemaBehind, SchemaForeign } from '../../sidecar/platform/errors.ts'
import { assertMigrated, migrate } from '../../sidecar/platform/migrations.ts'
import { createQueue, queues } from '../../sidecar/platform/queue.ts'
import { queueSchemaVersion } from '../../sidecar/platform/queue-schema.ts'
import { serverUrl, silent, urlOf, withAdmin } from '../helpers/server.ts'

/** A database that nobody has migrated. */
async function emptyDatabase(t: TestContext): Promise<string> {
  const server = await serverUrl()
  const name = `sdmk_empty_${randomBytes(8).toString('hex')}`
  await withAdmin(server, client => client.query(`create database ${name}`))
  t.after(() => withAdmin(server, client => client.query(`drop database ${name} with (force)`)))
  return urlOf(server, name)
}

/** A database with everything that this version needs, and its owner's pool. */
async function migratedDatabase(t: TestContext) {
  const url = await emptyDatabase(t)
  await migrate({ databaseUrl: url, grantTo: serviceRole, logger: silent })
  const { pool } = createDatabase({ url, maxConnections: 1 }, silent)
  t.after(() => pool.end())
  return { url, pool }
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
  const result = await migrate({ databaseUrl, logger: silent, directory })
  assert.deepEqual(result, { from: 1, to: 2, applied: [{ version: 2, name: 'second' }], isNewer: false })
  const { pool } = createDatabase({ url: databaseUrl, maxConnections: 1 }, silent)
  t.after(() => pool.end())
  const { rows } = await pool.query('select * from note')
  assert.deepEqual(rows, [{ one: 1, two: 2 }])
})

test('a database of a build between two releases is recognised by migrate and by a start, and each says what to do', async t => {
  const databaseUrl = await emptyDatabase(t)
  const directory = await migrations(t, { '0001.do.first.sql': 'create table first ()' })
  await migrate({ databaseUrl, logger: silent, directory })
  await writeFile(path.join(directory, '0001.do.first.sql'), 'create table other ()')
  const isForeign = (error: unknown) => {
    assert.ok(error instanceof SchemaForeign)
    assert.match(error.message, /another migration 1 than this program.*use that build, or an empty database/)
    return true
  }
  await assert.rejects(migrate({ databaseUrl, logger: silent, directory }), isForeign)

  const whole = await migratedDatabase(t)
  await whole.pool.query('update kki.schema_version set md5 = md5(md5) where version = 1')
  await assert.rejects(assertMigrated(whole.pool), isForeign)
})

test('an older version leaves a newer database alone: its queues and the rights of the newer service stay', async t => {
  const { url, pool } = await migratedDatabase(t)
  const { to } = await migrate({ databaseUrl: url, logger: silent })
  await pool.query(`
    insert into kki.schema_version (version, name, md5) select max(version) + 1, 'later', 'x' from kki.schema_version;
    create table kki.later ();
    grant select on kki.later to ${serviceRole};
    update pgboss.queue set retry_limit = 7 where name = 'kki-fetch'`)
  const again = await migrate({ databaseUrl: url, grantTo: serviceRole, logger: silent })
  assert.deepEqual(again, { from: to + 1, to: to + 1, applied: [], isNewer: true })
  const { rows } = await pool.query(
    `select has_table_privilege($1, 'kki.later', 'select') as granted, retry_limit from pgboss.queue where name = 'kki-fetch'`,
    [serviceRole]
  )
  assert.deepEqual(rows, [{ granted: true, retry_limit: 7 }])
  assert.deepEqual(await assertMigrated(pool), { database: to + 1, program: to })
})

test('a newer schema of the queue stops an older version with the reason, and migrate leaves it alone', async t => {
  const { url, pool } = await migratedDatabase(t)
  await pool.query('update pgboss.version set version = version + 1')
  await assert.rejects(createQueue({ url, shutdownTimeoutSeconds: 1 }, silent), (error: unknown) => {
    assert.ok(error instanceof SchemaForeign)
    assert.match(error.message, /queue is at version \d+ and this program needs \d+: a newer version/)
    return true
  })
  assert.equal((await migrate({ databaseUrl: url, logger: silent })).isNewer, true)
})

test('a change of the schema of the queue waits until no process uses the queue', async t => {
  const { url, pool } = await migratedDatabase(t)
  const queue = await createQueue({ url, shutdownTimeoutSeconds: 1 }, silent)
  try {
    await pool.query('update pgboss.version set version = version - 1')
    await assert.rejects(migrate({ databaseUrl: url, logger: silent }), (error: unknown) => {
      assert.ok(error instanceof MigrationFailed)
      assert.match(error.message, /running processes have \d+ connections.*stop all of them.*Nothing was changed/)
      return true
    })
  } finally {
    await queue.close()
  }
  const { rows } = await pool.query('select version::int as version from pgboss.version')
  assert.deepEqual(rows, [{ version: queueSchemaVersion - 1 }])
})

test('migrate ends when the indexes of a new schema of the queue are built, and says so if one cannot be', async t => {
  const { url, pool } = await migratedDatabase(t)
  const order = (command: string) =>
    pool.query(`insert into pgboss.bam (name, version, table_name, command) values ('drill', $1, 'queue', $2)`, [
      queueSchemaVersion,
      command
    ])
  await order('CREATE INDEX CONCURRENTLY IF NOT EXISTS drill ON pgboss.queue (policy)')
  await migrate({ databaseUrl: url, logger: silent })
  const { rows } = await pool.query(
    `select indisvalid as valid from pg_index where indexrelid = 'pgboss.drill'::regclass`
  )
  assert.deepEqual(rows, [{ valid: true }])

  await order('CREATE INDEX CONCURRENTLY IF NOT EXISTS drill2 ON pgboss.queue (no_such_column)')
  await assert.rejects(migrate({ databaseUrl: url, logger: silent }), (error: unknown) => {
    assert.ok(error instanceof MigrationFailed)
    assert.match(error.message, /Indexes of the queue could not be built/)
    return true
  })
  await pool.query('alter table pgboss.queue add column no_such_column text')
  await migrate({ databaseUrl: url, logger: silent })
  const { rows: later } = await pool.query(`select to_regclass('pgboss.drill2') is not null as built`)
  assert.deepEqual(later, [{ built: true }])
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
