import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { type EmbeddedDatabase, serviceRole, startEmbeddedDatabase } from '../../sidecar/platform/embedded-database.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'

export const silent = pino({ level: 'silent' })

/** A loss when the machine stops does not matter here; speed does. */
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '128MB',
  max_connections: '400'
}

/** Starts a PostgreSQL for tests, or takes over the one that runs in this folder. */
export async function startServer(directory: string): Promise<EmbeddedDatabase> {
  await mkdir(directory, { recursive: true })
  // The server may run as another user, who must be able to enter.
  await chmod(directory, 0o711)
  return startEmbeddedDatabase({ directory, logger: silent, settings })
}

/** Returns the server of this test run: the one that the run started, else one that all lonely test files share. */
export async function serverUrl(): Promise<string> {
  const given = process.env.TEST_SERVER_URL
  if (given) return given
  const { url } = await startServer(path.join(os.tmpdir(), `sdmk-test-postgres-${os.userInfo().username}`))
  return url
}

/** Returns the same server's URL for another database. */
export function urlOf(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  // A bound against hanging: on a busy machine a connection may take many seconds.
  url.searchParams.set('connect_timeout', '120')
  return url.href
}

/** Runs statements on the server's maintenance database. */
export async function withAdmin<T>(server: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: urlOf(server, 'postgres') })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Returns the name of a migrated database to copy from, made by the first caller after a change of a migration. */
export async function ensureTemplate(server: string): Promise<string> {
  const name = `sdmk_template_${await fingerprint()}`
  return withAdmin(server, async client => {
    await client.query(`select pg_advisory_lock(hashtext('sdmk test template'))`)
    const { rows } = await client.query('select datallowconn from pg_database where datname = $1', [name])
    if (rows[0]?.datallowconn === false) return name
    await client.query(`drop database if exists ${name} with (force)`)
    await client.query(`create database ${name}`)
    await migrate({ databaseUrl: urlOf(server, name), grantTo: serviceRole, logger: silent })
    // A template that somebody is connected to cannot be copied.
    await client.query(`alter database ${name} with allow_connections false`)
    return name
  })
}

/** Changes with everything that a migrated database is made from. */
async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  const migrations = new URL('../../sidecar/migrations/', import.meta.url)
  for (const file of (await readdir(migrations, { recursive: true })).sort())
    if (file.endsWith('.sql')) hash.update(file).update(await readFile(new URL(file, migrations)))
  hash.update(await readFile(new URL('../../sidecar/platform/queue-schema.ts', import.meta.url)))
  hash.update(await readFile(new URL('../../node_modules/pg-boss/package.json', import.meta.url)))
  return hash.digest('hex').slice(0, 12)
}
