import { after, type TestContext } from 'node:test'
import type pg from 'pg'
import pino from 'pino'
import { createDatabase, type Database } from '../../sidecar/platform/database.ts'
import { serverVariable } from './global-setup.ts'
import { copyTemplate, createEmpty, dropDatabase, startTestServer, type TestServer } from './server.ts'

export interface TestDatabase {
  url: string
  pool: pg.Pool
  database: Database
}

let ownServer: Promise<TestServer> | undefined
const made: string[] = []

/**
 * Returns a migrated database that no other test sees; its pool is ended after the test.
 *
 * The databases are dropped after the last test of the file: a test's own hooks, which may close an app, come after this
 * one's.
 */
export async function createTestDatabase(t: Pick<TestContext, 'after'>): Promise<TestDatabase> {
  const url = await copyTemplate(await serverUrl())
  made.push(url)
  const database = createDatabase({ url, maxConnections: 8, applicationName: 'test' }, pino({ level: 'silent' }))
  t.after(() => database.pool.end())
  return { url, pool: database.pool, database }
}

/** Returns the address of a database that no other test sees, with nothing in it. */
export async function createEmptyDatabase(): Promise<string> {
  const url = await createEmpty(await serverUrl())
  made.push(url)
  return url
}

/** The server of the whole run, or, where a file is run by itself, one of this process. */
async function serverUrl(): Promise<string> {
  const shared = process.env[serverVariable]
  if (shared) return shared
  ownServer ??= startTestServer()
  return (await ownServer).url
}

after(async () => {
  if (ownServer) return (await ownServer).stop()
  const shared = process.env[serverVariable]
  if (shared) await Promise.all(made.map(url => dropDatabase(shared, url)))
})
