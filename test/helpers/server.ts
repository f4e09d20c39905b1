import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import pino from 'pino'
import { startEmbeddedDatabase } from '../../sidecar/platform/embedded-database.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'

const prefix = 'sdmk-test-'
const template = 'sdmk_template'
const logger = pino({ level: 'silent' })

/** A PostgreSQL for tests, with a migrated database to copy. It loses its data when the machine stops: it never flushes. */
export interface TestServer {
  /** The login of its superuser, on the maintenance database. */
  url: string
  /** Stops it and removes its data. */
  stop(): Promise<void>
}

/** Returns a new server in a folder of its own under the system's temporary one. */
export async function startTestServer(): Promise<TestServer> {
  await removeAbandoned()
  const directory = await makeTestFolder()
  const server = await startEmbeddedDatabase({
    directory,
    logger,
    shelter: directory,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '128MB' }
  })
  const stop = async () => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const url = withDatabase(server.url, 'postgres')
    await onServer(url, `create database ${template}`)
    await migrate({ databaseUrl: withDatabase(url, template), logger })
    return { url, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Returns a new folder that PostgreSQL’s own user may enter; the caller removes it. */
export async function makeTestFolder(): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), `${prefix}${process.pid}-`))
  await chmod(directory, 0o755)
  return directory
}

/** Returns the address of a new copy of the migrated database. */
export async function copyTemplate(serverUrl: string): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await onServer(serverUrl, `create database ${name} template ${template}`)
  return withDatabase(serverUrl, name)
}

/** Returns the address of a new database with nothing in it. */
export async function createEmpty(serverUrl: string): Promise<string> {
  const name = `empty_${randomBytes(8).toString('hex')}`
  await onServer(serverUrl, `create database ${name}`)
  return withDatabase(serverUrl, name)
}

/** Drops a database, whoever is still connected to it. */
export async function dropDatabase(serverUrl: string, url: string): Promise<void> {
  await onServer(serverUrl, `drop database if exists ${new URL(url).pathname.slice(1)} with (force)`)
}

async function onServer(url: string, statement: string) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  try {
    await client.connect()
    await client.query(statement)
  } finally {
    await client.end()
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

/** Removes what killed test runs left. A PostgreSQL that still runs there ends by itself when it misses its files. */
async function removeAbandoned() {
  for (const name of await readdir(os.tmpdir())) {
    const pid = Number(/^sdmk-test-(\d+)-/.exec(name)?.[1] ?? 0)
    if (pid === 0 || isAlive(pid)) continue
    // Of another user, it cannot be removed and is not ours to.
    await rm(path.join(os.tmpdir(), name), { recursive: true, force: true }).catch(() => undefined)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
