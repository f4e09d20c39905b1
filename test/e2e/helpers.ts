import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { type Logger, pino } from 'pino'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { type App, buildApp } from '../../sidecar/app.ts'
import { loadConfig } from '../../sidecar/config.ts'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { injectPatiently } from '../helpers/patiently.ts'
import { noSchedule } from './process.ts'

export interface Connector {
  app: App
  simulator: Simulator
  pool: pg.Pool
  secretsDir: string
  /** An API key that may do everything. */
  key: string
  /** Calls the API with that key; again while the process is too busy. */
  call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH',
    url: string,
    body?: object,
    headers?: Record<string, string>
  ): Promise<{ status: number; body: unknown }>
  /** Starts a run through the API and waits for its end. */
  run(body: object): Promise<RunBody>
  /** Closes the sidecar, for `restart` to start another. */
  stop(): Promise<void>
  /** Closes the sidecar and starts another on the same database; `app` stays the first one. */
  restart(env: Record<string, string>): Promise<void>
  /** Starts another sidecar on the same database; it ends with the test. */
  addReplica(env?: Record<string, string>): Promise<App>
}

export interface ConnectorOptions {
  rows?: number
  brokenShare?: number
  /** How far KKI's clock starts behind ours. */
  behindSeconds?: number
  tokenLifetimeSeconds?: number
  /** The file of the source description whose shape KKI has. */
  like?: string
  env?: Record<string, string>
  /** By default nothing is logged. */
  logger?: Logger
}

/** Starts a simulator and a sidecar on a database of the test's own; all of it ends with the test. */
export async function startConnector(t: TestContext, options: ConnectorOptions = {}): Promise<Connector> {
  // Registered before the hooks of the helpers below, and so run before them: hooks run in the order of registration.
  const closers: (() => Promise<unknown>)[] = []
  t.after(async () => {
    for (const close of closers.reverse()) await close()
  })
  const { url, pool } = await createTestDatabase(t)
  const simulator = await startSimulator({
    rows: options.rows ?? 0,
    ...(options.brokenShare !== undefined && { brokenShare: options.brokenShare }),
    ...(options.behindSeconds !== undefined && { behindSeconds: options.behindSeconds }),
    ...(options.tokenLifetimeSeconds !== undefined && { tokenLifetimeSeconds: options.tokenLifetimeSeconds }),
    ...(options.like !== undefined && { like: options.like })
  })
  closers.push(() => simulator.close())
  const directory = await temporaryFolder(t)
  const secrets = createFileSecretStore(directory)
  await initIdentity(secrets)
  await secrets.write('kki', simulator.secret)
  const configWith = (env: Record<string, string>) =>
    loadConfig({
      KKI_BASE_URL: simulator.url,
      ...(options.like !== undefined && { KKI_SOURCE_FILE: options.like }),
      KKI_SETTLE: '0',
      KKI_RETRY_BASE: '20',
      KKI_SCHEDULE: noSchedule,
      // Tests read the metrics right after what changes them.
      SDMK_METRICS_CACHE: '0',
      SDMK_DATABASE_URL: url,
      SDMK_SECRETS_DIR: directory,
      ...options.env,
      ...env
    })
  const logger = options.logger ?? pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' })
  const app = await buildApp(configWith({}), { logger })
  let current = app
  closers.push(() => current.close())
  const { key } = await createApiKey(pool, 'test', [...scopes])

  const call: Connector['call'] = async (method, address, body, headers) => {
    const response = await injectPatiently(current, {
      method,
      url: address,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(body && { payload: body })
    })
    return { status: response.statusCode, body: response.json() }
  }
  return {
    app,
    simulator,
    pool,
    secretsDir: directory,
    key,
    call,
    stop: () => current.close(),
    async restart(env) {
      await current.close()
      current = await buildApp(configWith(env), { logger })
    },
    async addReplica(env = {}) {
      const replica = await buildApp(configWith(env), { logger })
      closers.push(() => replica.close())
      return replica
    },
    async run(body) {
      const started = await call('POST', '/v1/runs', body)
      assert.equal(started.status, 202, JSON.stringify(started.body))
      return waitForRun(id => call('GET', `/v1/runs/${id}`), (started.body as RunBody).id)
    }
  }
}

/** A bound against hanging: on an idle machine runs take a second or two. */
const runTimeoutMs = 300_000

/** Asks for the run until it is finished. */
export async function waitForRun(
  read: (id: number) => Promise<{ body: unknown }>,
  id: number,
  timeoutMs = runTimeoutMs
): Promise<RunBody> {
  const until = Date.now() + timeoutMs
  while (Date.now() < until) {
    const run = (await read(id)).body as RunBody
    if (run.finishedAt != null) return run
    await wait(50)
  }
  throw new Error(`run ${id} did not end within ${timeoutMs} ms`)
}

/** Returns a folder that every user may enter, since PostgreSQL may run as another; removed with the test. */
export async function temporaryFolder(t: Pick<TestContext, 'after'>): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sdmk-e2e-'))
  await chmod(directory, 0o711)
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

let serial = 0

/** Returns a valid invented KKI record; every call returns another person. */
export function kkiRecord(given: Record<string, unknown> = {}): Record<string, unknown> {
  const n = ++serial
  return {
    nomor_str: `EQ${String(n).padStart(14, '0')}`,
    nik: `317101${String((n % 28) + 1).padStart(2, '0')}0190${String((n % 9000) + 1).padStart(4, '0')}`,
    nama: `Orang ${letters(n)} Rekaan`,
    profesi: 'DOKTER',
    status_str: 'AKTIF',
    tempat_lahir: 'Bandung',
    tanggal_lahir: `1990-01-${String((n % 28) + 1).padStart(2, '0')}`,
    jenis_kelamin: 'L',
    berlaku_sampai: null,
    diubah_pada: '2026-01-01T00:00:00Z',
    ...given
  }
}

/** Puts records into the simulator's list; one under the id of an earlier one takes its place. */
export async function inject(
  simulator: Simulator,
  records: { id?: string; record: unknown; visibleFrom?: string; sortStamp?: string }[]
) {
  const response = await fetch(`${simulator.url}/_records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(records.map(item => ({ id: randomUUID(), ...item })))
  })
  assert.ok(response.ok, `the simulator denied the records (${response.status})`)
  await response.arrayBuffer()
}

/** Lets the simulator misbehave. */
export async function fault(simulator: Pick<Simulator, 'url'>, body: object) {
  const response = await fetch(`${simulator.url}/_faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  assert.ok(response.ok, `the simulator denied the fault (${response.status})`)
  await response.arrayBuffer()
}

/** The registry as it would look to a reader, without ids, versions and times of writing: equal for equal registries. */
export async function dumpRegistry(pool: pg.Pool | pg.Client): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `select concat_ws('|', r.str_number, r.profession, r.status, r.source_status, r.valid_until, r.source_at,
      encode(r.content_hash, 'hex'), h.name, h.name_key, h.title_prefix, h.title_suffix, encode(h.nik_digest, 'hex'),
      h.birth_date, h.birth_place_key, h.sex,
      (select min(o.str_number) from sdmk.registration o where o.health_worker_id = h.id)) as line
    from sdmk.registration r join sdmk.health_worker h on h.id = r.health_worker_id
    order by r.str_number, r.profession`
  )
  return rows.map(({ line }) => line)
}

function letters(n: number): string {
  const rest = Math.floor((n - 1) / 26)
  const letter = String.fromCharCode(65 + ((n - 1) % 26))
  return `${rest > 0 ? letters(rest) : ''}${letter}${letter.toLowerCase()}`
}

/** Decides whose a rejected row is as a person would: looks at the effects, and accepts them. */
export async function resolve(
  { call }: Pick<Connector, 'call'>,
  id: number,
  decision: { healthWorkerId: unknown; row?: object; reason?: string }
): ReturnType<Connector['call']> {
  const { reason = 'as on the card', ...owner } = decision
  const { body } = await call('POST', `/v1/rejections/${id}/resolve/preview`, owner)
  const { planDigest } = body as { planDigest?: string }
  return call('POST', `/v1/rejections/${id}/resolve`, { ...owner, reason, ...(planDigest && { planDigest }) })
}
