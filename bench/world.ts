import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type pg from 'pg'
import type { RunBody } from '../sidecar/api/schemas.ts'
import { followRun } from '../sidecar/cli/follow.ts'
import { initIdentity } from '../sidecar/identity/keys.ts'
import { createApiKey } from '../sidecar/platform/api-key.ts'
import { createDatabase } from '../sidecar/platform/database.ts'
import { serviceRole, startEmbeddedDatabase } from '../sidecar/platform/embedded-database.ts'
import { createLogger } from '../sidecar/platform/logger.ts'
import { migrate } from '../sidecar/platform/migrations.ts'
import { scopes } from '../sidecar/platform/scopes.ts'
import { createFileSecretStore } from '../sidecar/secrets/file.ts'
import { fetchPatiently } from '../test/helpers/patiently.ts'
import { parentOf, treeSeconds } from './processor.ts'
import { type Program, startService, startSimulator } from './program.ts'

const requestMs = 120_000
const runMs = 2 * 3_600_000

export interface WorldOptions {
  /** Records of the simulated KKI. */
  rows: number
  /** Further arguments of `sdmk simulator`. */
  simulatorArgs?: string[]
  /** PostgreSQL's setting; by default the value of docs/operate/sizing.md for a registry of two million. */
  sharedBuffers?: string
  /** Settings of all processes of the sidecar. */
  env?: Record<string, string>
  /** Settings of each process, one entry per process. By default one, with all roles. */
  sidecars?: Record<string, string>[]
}

export interface RunRequest {
  mode: 'incremental' | 'window' | 'full'
  professions?: string[]
  changedSince?: string
  changedUntil?: string
}

/** Everything that a benchmark measures: PostgreSQL, a simulated KKI and the sidecar, each a separate process. */
export interface World extends AsyncDisposable {
  sidecars: readonly [Sidecar, ...Sidecar[]]
  /** An API key with all scopes. */
  apiKey: string
  kki: Kki
  /** The settings of all processes of the sidecar. */
  settings: Record<string, string>
  /** URLs of the service's database, for the login of the service and for the owner. */
  databaseUrl: string
  ownerUrl: string
  /** The owner's pool. */
  pool: pg.Pool
  /** Returns the result of `work`, and the processor time of the parts for it. */
  withProcessorTime<T>(work: () => Promise<T>): Promise<{ result: T; processor: ProcessorTime }>
  /** Posts to the API of the first process, or gets if there is no body. */
  call<T>(path: string, body?: object): Promise<T>
  /** Returns the run's id. */
  startRun(request: RunRequest): Promise<number>
  /** Draws a bar for each batch and returns the run once it is finished. */
  followRun(id: number): Promise<RunBody>
  close(): Promise<void>
}

/** Processor time in seconds; NaN if the operating system does not report it. */
export interface ProcessorTime {
  /** For all processes of the service. */
  service: number
  /** For the server with all its processes, for all clients. */
  postgres: number
  simulator: number
}

/** One process of the service. */
export interface Sidecar extends Program {
  url: string
}

/** A simulated KKI. */
export interface Kki extends Program {
  url: string
  clientId: string
  clientSecret: string
  /** Calls one of the controls of `simulator/control-routes.ts`. */
  control<T>(path: string, body?: object): Promise<T>
}

/** Starts a world, with a migrated and empty database. It ends with `close`, which `await using` calls, and on Ctrl-C. */
export async function openWorld({
  rows,
  simulatorArgs = [],
  sharedBuffers = '1GB',
  env = {},
  sidecars = [{}]
}: WorldOptions): Promise<World> {
  const serverSettings = { shared_buffers: sharedBuffers, max_wal_size: '4GB' }
  const parts = new AsyncDisposableStack()
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= parts.disposeAsync()
    return closing
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const end = () => close().finally(() => process.exit(1))
    process.once(signal, end)
    parts.defer(() => void process.off(signal, end))
  }
  try {
    const logger = createLogger('error')
    const directory = await mkdtemp(path.join(tmpdir(), 'sdmk-bench-'))
    parts.defer(() => rm(directory, { recursive: true, force: true }))
    // PostgreSQL may run as another user.
    await chmod(directory, 0o711)
    const database = await startEmbeddedDatabase({ directory, logger, settings: serverSettings })
    parts.defer(() => database.stop())
    await migrate({ databaseUrl: database.url, grantTo: serviceRole, logger })
    const { pool } = createDatabase({ url: database.url, maxConnections: 2 }, logger)
    parts.defer(() => pool.end())
    const postmaster = await postmasterOf(pool)

    const kki = await startKki(['--rows', String(rows), ...simulatorArgs])
    parts.defer(() => kki.stop())
    const secretsDir = path.join(directory, 'secrets')
    const secrets = createFileSecretStore(secretsDir)
    await initIdentity(secrets)
    await secrets.write('kki', { clientId: kki.clientId, clientSecret: kki.clientSecret })
    const settings = {
      SDMK_DATABASE_URL: database.serviceUrl,
      SDMK_SECRETS_DIR: secretsDir,
      SDMK_PORT: '0',
      KKI_BASE_URL: kki.url,
      ...env
    }
    const started: Sidecar[] = []
    for (const own of sidecars) {
      const sidecar = await startSidecar({ ...settings, ...own })
      parts.defer(() => sidecar.stop())
      started.push(sidecar)
    }
    const [first, ...others] = started
    if (first === undefined) throw new Error('a world needs a process of the sidecar')
    const processorTime = async (): Promise<ProcessorTime> => ({
      service: (await Promise.all(started.map(sidecar => sidecar.processorSeconds()))).reduce((sum, s) => sum + s, 0),
      postgres: await treeSeconds(postmaster),
      simulator: await kki.processorSeconds()
    })
    const { key } = await createApiKey(pool, 'bench', scopes)
    const headers = { authorization: `Bearer ${key}` }
    const call: World['call'] = (route, body) => json(`${first.url}${route}`, body, headers)
    return {
      sidecars: [first, ...others],
      apiKey: key,
      kki,
      settings,
      databaseUrl: database.serviceUrl,
      ownerUrl: database.url,
      pool,
      async withProcessorTime(work) {
        const before = await processorTime()
        const result = await work()
        return { result, processor: difference(await processorTime(), before) }
      },
      call,
      startRun: async request => (await call<{ id: number }>('/v1/runs', request)).id,
      followRun: id => followRun(pool, id, { signal: AbortSignal.timeout(runMs) }),
      close,
      [Symbol.asyncDispose]: close
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The server has no function that names its first process; each connection's process is a child of it. */
async function postmasterOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
  return parentOf((rows[0] as { pid: number }).pid)
}

const difference = (after: ProcessorTime, before: ProcessorTime): ProcessorTime => ({
  service: after.service - before.service,
  postgres: after.postgres - before.postgres,
  simulator: after.simulator - before.simulator
})

async function startSidecar(env: Record<string, string>): Promise<Sidecar> {
  const program = await startService(env)
  const { url } = JSON.parse(program.readyLine) as { url: string }
  return { ...program, url }
}

/** Starts a simulated KKI. */
export async function startKki(args: string[]): Promise<Kki> {
  const program = await startSimulator(args)
  const { url, clientId, clientSecret } = JSON.parse(program.readyLine) as Record<string, string>
  return {
    ...program,
    url: url as string,
    clientId: clientId as string,
    clientSecret: clientSecret as string,
    control: (route, body) => json(`${url}${route}`, body)
  }
}

/** Posts the body, or gets if there is none, and returns the answer. */
async function json<T>(url: string, body?: object, headers: Record<string, string> = {}): Promise<T> {
  const response = await fetchPatiently(url, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    signal: AbortSignal.timeout(requestMs)
  })
  if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}
