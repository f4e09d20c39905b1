import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { checkDatabase, requirePrimary } from '../../sidecar/platform/connection.ts'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { DatabaseUnavailable } from '../../sidecar/platform/errors.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'
import { createQueue } from '../../sidecar/platform/queue.ts'
import { watchDatabase } from '../../sidecar/platform/watch-database.ts'
import { silent, startServer } from '../helpers/server.ts'

const isStandby = (error: unknown) => error instanceof DatabaseUnavailable && /is a standby/.test(error.message)

/** Returns a server with our schema that is in recovery, as a standby is, and a login that may promote it. */
async function startStandby(t: TestContext) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-standby-'))
  const primary = await startServer(directory)
  await migrate({ databaseUrl: primary.url, logger: silent })
  const folder = await withClient(primary.url, async client => {
    const { rows } = await client.query<{ data_directory: string }>('show data_directory')
    return rows[0]?.data_directory as string
  })
  await primary.stop()
  await writeFile(path.join(folder, 'standby.signal'), '')
  const standby = await startServer(directory)
  t.after(async () => {
    await standby.stop()
    await rm(directory, { recursive: true, force: true })
  })
  return standby
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test('a standby is rejected at the start, by each connection and by a migration, and used once it is promoted', async t => {
  const { url } = await startStandby(t)
  const { pool } = createDatabase({ url, maxConnections: 2 }, silent)
  t.after(() => pool.end())
  await assert.rejects(checkDatabase(url), isStandby)
  await assert.rejects(pool.query('select 1'), isStandby)
  await assert.rejects(createQueue({ url, shutdownTimeoutSeconds: 5 }, silent), isStandby)
  await assert.rejects(migrate({ databaseUrl: url, logger: silent }), isStandby)
  assert.equal(pool.totalCount, 0)

  await withClient(url, client => client.query('select pg_promote()'))
  await checkDatabase(url)
  await requirePrimary(pool, url)
  assert.equal((await pool.query('select 1')).rowCount, 1)
})

test('connections to a server that became a standby are dropped', async t => {
  const { url } = await startStandby(t)
  const { promise: dropped, resolve } = Promise.withResolvers<void>()
  const watch = watchDatabase(url, { dropConnections: resolve }, silent, { intervalMs: 10 })
  await dropped
  await watch.close()
})
