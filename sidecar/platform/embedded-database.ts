import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Logger } from 'pino'
import { type Account, findAccount, usableBinaries } from './embedded-binaries.ts'
import { prepareFolder } from './embedded-folder.ts'
import { EmbeddedDatabaseFailed } from './errors.ts'

const run = promisify(execFile)

/** A start after `kill -9` reads the write-ahead log again; two gigabytes of it take most of this. */
const startTimeoutMs = 120_000
const stopTimeoutSeconds = 60

/** Tuned for two cores, shared with the sidecar. Every write is still flushed: fsync stays on. */
const serverSettings: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  min_wal_size: '256MB',
  work_mem: '32MB',
  maintenance_work_mem: '128MB',
  effective_cache_size: '1GB',
  random_page_cost: '1.1',
  checkpoint_completion_target: '0.9',
  wal_compression: 'on',
  timezone: 'UTC',
  logging_collector: 'on',
  log_filename: 'postgresql-%a.log',
  log_truncate_on_rotation: 'on',
  log_rotation_age: '1d',
  log_rotation_size: '0',
  // Details of an error and the statement behind it can hold a name or an STR number.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic'
}

export interface EmbeddedDatabaseOptions {
  /** PostgreSQL keeps everything in `postgres` under it. */
  directory: string
  logger: Logger
  /** Folder for the data if its user has no access to `directory`; by default a suitable folder of the system. */
  shelter?: string
  /** Folder of PostgreSQL's `bin`, `lib` and `share`; by default the installed ones, or a copy that its user can run. */
  binaries?: string
  /** Server settings that replace or add to ours. */
  settings?: Record<string, string>
}

export interface EmbeddedDatabase {
  /** For the login that owns the database, with its password; reachable only from this machine. */
  url: string
  /** For the login of the service, which has the grants of `sdmk migrate`. */
  serviceUrl: string
  /** Stops the server, even if another process started it. Open connections are closed, so close the app first. */
  stop(): Promise<void>
  /** True if the server was already running, after another process was killed or for another process. */
  adopted: boolean
}

interface Cluster {
  account: Account
  binaries: string
  data: string
  password: string
}

/**
 * Returns a running PostgreSQL 15 with the database `sdmk` in UTF-8, on a free port of 127.0.0.1.
 *
 * It is created on first use, keeps its data between calls, and outlives this process if that is killed: the next call
 * then uses the running server. Concurrent calls of several processes use the same server.
 *
 * @throws EmbeddedDatabaseFailed with a remedy.
 */
export async function startEmbeddedDatabase(options: EmbeddedDatabaseOptions): Promise<EmbeddedDatabase> {
  const account = await findAccount()
  const tenant = { name: 'postgres', program: 'PostgreSQL', account }
  const folder = await prepareFolder(path.resolve(options.directory), tenant, options.logger, options.shelter)
  const binaries = options.binaries ?? (await usableBinaries(account, folder))
  const cluster = await openCluster(folder, account, binaries)
  const running = await findRunning(cluster)
  const url = running ?? (await start(cluster, { ...serverSettings, ...options.settings }))
  await ensureDatabase(url)
  options.logger.info({ port: Number(new URL(url).port), adopted: running !== null }, 'embedded database is ready')
  return { url, serviceUrl: serviceUrlOf(url), adopted: running !== null, stop: () => stop(cluster) }
}

async function openCluster(folder: string, account: Account, binaries: string): Promise<Cluster> {
  const place = path.join(folder, 'cluster')
  if (!(await exists(place))) await createCluster(place, account, binaries)
  const password = await readFile(path.join(place, 'password'), 'utf8')
  return { account, binaries, data: path.join(place, 'data'), password: password.trim() }
}

/** Built under another name and renamed, so that of two concurrent processes one wins and the other uses its result. */
async function createCluster(place: string, account: Account, binaries: string) {
  const aside = `${place}.${process.pid}.${randomBytes(4).toString('hex')}`
  const passwordFile = path.join(aside, 'password')
  try {
    await mkdir(aside, { mode: 0o700 })
    await writeFile(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
    if (account.uid !== undefined && account.gid !== undefined) {
      await chown(aside, account.uid, account.gid)
      await chown(passwordFile, account.uid, account.gid)
    }
    await asAccount(account, path.join(binaries, 'bin', 'initdb'), [
      `--pgdata=${path.join(aside, 'data')}`,
      '--username=sdmk',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // C.UTF-8 knows upper and lower case beyond ASCII; elsewhere than on Linux it may be missing.
      `--locale=${process.platform === 'linux' ? 'C.UTF-8' : 'C'}`,
      '--data-checksums'
    ])
    await rename(aside, place)
  } catch (cause) {
    if (await exists(place)) return
    throw new EmbeddedDatabaseFailed(`The embedded database could not be created: ${lastLine(cause)}`, { cause })
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

/** Returns the URL of the server that runs on this data, or `null`. Waits for a server that is still starting. */
async function findRunning(cluster: Cluster): Promise<string | null> {
  const deadline = Date.now() + startTimeoutMs
  while (Date.now() < deadline) {
    const [pid, , , port] = await readPidFile(cluster)
    if (!pid || !isAlive(Number(pid))) return null
    if (!(await isPostgres(Number(pid)))) {
      // Another program has the process id now. PostgreSQL does not start while the stale file is there.
      await rm(path.join(cluster.data, 'postmaster.pid'), { force: true })
      return null
    }
    if (port && (await answers(urlOf(cluster, Number(port))))) return urlOf(cluster, Number(port))
    await sleep(100)
  }
  throw new EmbeddedDatabaseFailed('The embedded database runs, but has not answered for two minutes')
}

async function start(cluster: Cluster, settings: Record<string, string>): Promise<string> {
  const log = path.join(cluster.data, '..', 'start.log')
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const flags = Object.entries({ ...settings, port: String(port) }).map(([name, value]) => `-c ${name}='${value}'`)
    await rm(log, { force: true })
    try {
      // pg_ctl gives the server a separate session, so Ctrl-C in a terminal does not stop it, only our own stop.
      await asAccount(cluster.account, path.join(cluster.binaries, 'bin', 'pg_ctl'), [
        'start',
        '-w',
        `--timeout=${startTimeoutMs / 1000}`,
        `--pgdata=${cluster.data}`,
        `--log=${log}`,
        `--options=${flags.join(' ')}`
      ])
      return urlOf(cluster, port)
    } catch (cause) {
      // Either another process was faster, or another program took the port between the probe and the start.
      const running = await findRunning(cluster)
      if (running) return running
      if (attempt < 3) continue
      const reason = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').at(-1)
      throw new EmbeddedDatabaseFailed(`The embedded database does not start: ${reason || lastLine(cause)}`, { cause })
    }
  }
}

async function stop(cluster: Cluster) {
  if ((await readPidFile(cluster)).length === 0) return
  try {
    await asAccount(cluster.account, path.join(cluster.binaries, 'bin', 'pg_ctl'), [
      'stop',
      '-w',
      '--mode=fast',
      `--timeout=${stopTimeoutSeconds}`,
      `--pgdata=${cluster.data}`
    ])
  } catch (cause) {
    if ((await findRunning(cluster)) === null) return
    throw new EmbeddedDatabaseFailed(`The embedded database does not stop: ${lastLine(cause)}`, { cause })
  }
}

/** The login of the service on an embedded database. */
export const serviceRole = 'sdmk_service'

/**
 * Returns the same database for the login of the service. It has the owner's password, which the starter of the server
 * can read anyway.
 */
export function serviceUrlOf(ownerUrl: string): string {
  const url = new URL(ownerUrl)
  url.username = serviceRole
  return url.href
}

/** Creates the database and the service's login if they are missing. */
async function ensureDatabase(url: string) {
  const maintenance = new URL(url)
  maintenance.pathname = '/postgres'
  const client = new pg.Client({ connectionString: maintenance.href, connectionTimeoutMillis: 10_000 })
  try {
    await client.connect()
    const { rowCount } = await client.query(`select from pg_database where datname = 'sdmk'`)
    if (rowCount === 0) await client.query('create database sdmk').catch(ignoreExisting)
    const { rowCount: roles } = await client.query('select from pg_roles where rolname = $1', [serviceRole])
    if (roles !== 0) return
    const password = pg.escapeLiteral(decodeURIComponent(maintenance.password))
    await client.query(`create role ${serviceRole} login password ${password}`).catch(ignoreExisting)
  } finally {
    await client.end()
  }
}

/** Codes for an object that another process created meanwhile; the object and the timing decide which one. */
function ignoreExisting(error: unknown) {
  if (!(error instanceof pg.DatabaseError && ['42P04', '42710', '23505'].includes(error.code ?? ''))) throw error
}

async function answers(url: string): Promise<boolean> {
  const maintenance = new URL(url)
  maintenance.pathname = '/postgres'
  const client = new pg.Client({ connectionString: maintenance.href, connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    return true
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '28P01') {
      throw new EmbeddedDatabaseFailed('The embedded database denies the password that is stored next to it', {
        cause: error
      })
    }
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

function urlOf(cluster: Cluster, port: number): string {
  return `postgres://sdmk:${cluster.password}@127.0.0.1:${port}/sdmk`
}

async function readPidFile(cluster: Cluster): Promise<string[]> {
  const text = await readFile(path.join(cluster.data, 'postmaster.pid'), 'utf8').catch(() => '')
  return text === '' ? [] : text.split('\n')
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function isPostgres(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return true
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  return name.trim() === 'postgres'
}

async function asAccount(account: Account, file: string, args: string[]) {
  // Without the environment, because PGDATA, PGPORT and the machine's locale would have an effect.
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' }
  await run(file, args, { ...account, env, cwd: '/', timeout: startTimeoutMs + 30_000 })
}

async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new EmbeddedDatabaseFailed('No port is free')
  return address.port
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string }
  return (stderr?.trim() || message || String(error)).split('\n').at(-1) ?? ''
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false
  )
}
