import { spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type pg from 'pg'
import { createApiKey } from '../sidecar/platform/api-key.ts'
import { createDatabase } from '../sidecar/platform/database.ts'
import { serviceUrlOf } from '../sidecar/platform/embedded-database.ts'
import { scopes } from '../sidecar/platform/scopes.ts'
import { createFileSecretStore } from '../sidecar/secrets/file.ts'
import { fetchPatiently } from '../test/helpers/patiently.ts'
import { ensureTemplate, silent, urlOf, withAdmin } from '../test/helpers/server.ts'
import { type Clocks, clockOfKki, createClock } from './clocks.ts'
import type { Setting } from './faults.ts'
import { Replica } from './replica.ts'
import { createClusterStore, createStore, type Store } from './store.ts'
import type { LaneOdoo, World } from './world.ts'

const replicaCount = 3

export interface Feed {
  rows: number
  seed: number
}

export interface LaneOptions {
  feed: Feed
  setting: Setting
}

/** A complete system that runs next to other lanes and shares nothing with them: PostgreSQL, KKI, Odoo, three replicas. */
export interface Lane {
  store: Store
  odoo: LaneOdoo
  /** Null if they cannot be shifted. */
  clocks: Clocks | null
  /**
   * Starts the replicas on a separate database for a run; `close` ends all of it.
   * @param sdmk the command line of the sidecar that they run
   */
  open(name: string, sdmk: string): Promise<Stage>
  close(): Promise<void>
}

/** A run's replicas and database. */
export interface Stage {
  replicas: readonly Replica[]
  /** A direct connection without proxies. */
  pool: pg.Pool
  secretsDir: string
  /** Requests a full run from a replica. */
  startRun(): Promise<void>
  close(): Promise<void>
}

/** Starts the parts of a lane that its runs share. */
export async function createLane(world: World, index: number, { feed, setting }: LaneOptions): Promise<Lane> {
  const folder = path.join(world.folder, `lane-${index}`)
  await mkdir(folder, { mode: 0o711 })
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer().catch(error => console.error(String(error)))
  }
  try {
    const ours = setting === 'clocks' ? await createClock(folder, 'ours') : null
    const databases = setting === 'clocks' ? await createClock(folder, 'database') : null
    const store = await (setting === 'cluster' ? createClusterStore(folder) : createStore(folder, databases?.env))
    closers.push(() => store.close())
    const kki = await startSimulator(feed)
    closers.push(kki.close)
    const clocks = ours && databases && { ours: ours.shift, database: databases.shift, kki: clockOfKki(kki.url) }
    const odoo = await world.serveOdoo()
    const template = await ensureTemplate(store.url)
    const open = async (name: string, sdmk: string) =>
      openStage({ world, folder, store, kki, odoo, template, sdmk, name, env: ours?.env ?? {} })
    return { store, odoo, clocks, open, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface Simulator {
  url: string
  clientId: string
  clientSecret: string
  close(): Promise<void>
}

async function startSimulator({ rows, seed }: Feed): Promise<Simulator> {
  const file = path.join(import.meta.dirname, 'simulator.ts')
  const child = spawn(process.execPath, [file, String(rows), String(seed)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true
  })
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', chunk => resolve(String(chunk)))
    child.once('exit', code => reject(new Error(`the simulator ended with ${code}`)))
  })
  return { ...JSON.parse(line), close: async () => void child.kill('SIGKILL') }
}

interface StageParts {
  world: World
  folder: string
  store: Store
  kki: Simulator
  odoo: LaneOdoo
  template: string
  sdmk: string
  name: string
  /** Further environment of the replicas. */
  env: Record<string, string>
}

async function openStage({
  world,
  folder,
  store,
  kki,
  odoo,
  template,
  sdmk,
  name,
  env: more
}: StageParts): Promise<Stage> {
  const secretsDir = path.join(folder, 'secrets')
  await rm(secretsDir, { recursive: true, force: true })
  const secrets = createFileSecretStore(secretsDir)
  await secrets.write('nik-keys', world.identityKeys)
  await secrets.write('kki', { clientId: kki.clientId, clientSecret: kki.clientSecret })
  await secrets.write('odoo', odoo.account)
  await odoo.empty()
  await store.ready()
  await withAdmin(store.url, async client => {
    await client.query(`drop database if exists chaos with (force)`)
    await client.query(`create database chaos template ${template} strategy file_copy`)
  })
  const url = urlOf(store.url, 'chaos')
  const { pool } = createDatabase({ url, maxConnections: 3 }, silent)
  const { key } = await createApiKey(pool, 'chaos', [...scopes])
  const targets = { database: new URL(url), kki: new URL(kki.url), odoo: new URL(odoo.url) }
  const replicas = Array.from({ length: replicaCount }, (_, index) => new Replica(index, targets))
  const close = async () => {
    await Promise.all(replicas.map(replica => replica.stop()))
    for (const { proxies } of replicas) for (const proxy of Object.values(proxies)) proxy.close()
    await pool.end().catch(() => undefined)
  }
  try {
    await Promise.all(
      replicas.map(async replica => {
        const { proxies, index } = replica
        const env = {
          ...more,
          SDMK_DATABASE_URL: at(serviceUrlOf(url), await proxies.database.listen()),
          SDMK_SECRETS_DIR: secretsDir,
          SDMK_PORT: '0',
          SDMK_WORKERS: '2',
          SDMK_ODOO_URL: at(odoo.url, await proxies.odoo.listen()),
          SDMK_ODOO_DATABASE: odoo.database,
          SDMK_ODOO_RETRY_MAX: '8',
          KKI_BASE_URL: at(kki.url, await proxies.kki.listen()),
          // Related records are within 200 rows of each other, so that no batch ends between them.
          KKI_PAGE_SIZE: '100',
          SDMK_BATCH_ROWS: '2000',
          KKI_HEADERS_TIMEOUT: '5000',
          KKI_RETRY_BASE: '1000',
          KKI_BREAKER_RESET: '5000'
        }
        await replica.start(sdmk, env, path.join(folder, `${name}-replica-${index}.log`))
      })
    )
  } catch (error) {
    await close()
    throw error
  }
  return {
    replicas,
    pool,
    secretsDir,
    async startRun() {
      const response = await fetchPatiently(`${replicas[0]?.url}/v1/runs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ mode: 'full' }),
        signal: AbortSignal.timeout(60_000)
      })
      if (response.status !== 202) throw new Error(`the run was denied: ${response.status} ${await response.text()}`)
    },
    close
  }
}

/** The same address through a port of this machine. */
function at(address: string, port: number): string {
  const url = new URL(address)
  url.host = `127.0.0.1:${port}`
  return url.href.replace(/\/$/, '')
}
