import { randomBytes } from 'node:crypto'
import { after, type TestContext } from 'node:test'
import type pg from 'pg'
import { createDatabase, type Database } from '../../sidecar/platform/database.ts'
import { serviceUrlOf } from '../../sidecar/platform/embedded-database.ts'
import { ensureTemplate, serverUrl, silent, urlOf, withAdmin } from './server.ts'

export interface TestDatabase {
  /** Of the service's login, as a sidecar in production has it. */
  url: string
  /** Of the login that owns the schema, for the test's own hands. */
  ownerUrl: string
  pool: pg.Pool
  /** The service's. */
  database: Database
}

let ready: Promise<{ server: string; template: string }> | undefined
const leftovers = new Set<string>()

/** Returns a separate migrated database for a test. It is dropped after the test, or after the file if it is still in use. */
export async function createTestDatabase(t: TestContext): Promise<TestDatabase> {
  ready ??= prepare()
  const { server, template } = await ready
  const { name, ownerUrl, url } = await create(server, `template ${template} strategy file_copy`)
  const database = createDatabase({ url, maxConnections: 4, applicationName: 'sdmk test' }, silent)
  database.setOdooOutbox(async () => {})
  const { pool } = createDatabase({ url: ownerUrl, maxConnections: 4, applicationName: 'sdmk test owner' }, silent)
  t.after(async () => {
    await Promise.all([database.pool.end(), pool.end()])
    await dropUnused(server, name)
  })
  return { url, ownerUrl, pool, database }
}

/** Returns a database without a schema, which is dropped with the file. */
export async function createEmptyDatabase(): Promise<Pick<TestDatabase, 'url' | 'ownerUrl'>> {
  ready ??= prepare()
  return create((await ready).server)
}

async function create(server: string, options = '') {
  const name = `sdmk_test_${randomBytes(8).toString('hex')}`
  await withAdmin(server, client => client.query(`create database ${name} ${options}`))
  leftovers.add(name)
  const ownerUrl = urlOf(server, name)
  return { name, ownerUrl, url: serviceUrlOf(ownerUrl) }
}

async function prepare() {
  const server = await serverUrl()
  return { server, template: await ensureTemplate(server) }
}

/** Resources that a test starts after its database may end after it: such a database waits for the end of the file. */
async function dropUnused(server: string, name: string) {
  await withAdmin(server, async client => {
    const { rowCount } = await client.query('select from pg_stat_activity where datname = $1 limit 1', [name])
    if (rowCount !== 0) return
    await client.query(`drop database ${name}`)
    leftovers.delete(name)
  })
}

after(async () => {
  if (!ready || leftovers.size === 0) return
  const { server } = await ready
  await withAdmin(server, async client => {
    for (const name of leftovers) await client.query(`drop database if exists ${name} with (force)`)
  })
})
