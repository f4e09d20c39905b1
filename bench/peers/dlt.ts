import { execFile, spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { root } from '../program.ts'
import type { ProcessorTime, World } from '../world.ts'

const run = promisify(execFile)
const installMs = 10 * 60_000
const runMs = 2 * 3_600_000
const schema = 'peers'
const table = 'tenaga_kesehatan'

/** The cost of a run of dlt. */
export interface DltRun {
  /** Received rows, and those of them with a key. */
  read: number
  kept: number
  /** Rows in its table afterwards. */
  stored: number
  seconds: number
  processor: { dlt: number; postgres: number; simulator: number }
  version: string
}

/**
 * Installs the newest dlt 1.x in a virtual environment of this checkout's cache and returns its Python. Ends the benchmark
 * with 69 if no Python can create one.
 */
export async function installDlt(): Promise<string> {
  const directory = path.join(root, 'node_modules', '.cache', 'sdmk-peers')
  await mkdir(directory, { recursive: true })
  const made = spawnSync('python3', ['-m', 'venv', directory], { encoding: 'utf8' })
  if (made.status !== 0) {
    console.error(made.stderr || made.stdout || made.error?.message)
    console.error('python3 cannot create a virtual environment, which dlt needs (Debian: apt install python3-venv).')
    process.exit(69)
  }
  const python = path.join(directory, 'bin', 'python')
  await run(python, ['-m', 'pip', 'install', '--quiet', '--upgrade', 'dlt[postgres]>=1,<2'], { timeout: installMs })
  return python
}

/**
 * Creates an empty database for dlt on the world's server and returns a function that runs dlt; `directory` is for its
 * state.
 */
export async function openDlt(world: World, options: { python: string; directory: string; pageSize: number }) {
  const { python, directory, pageSize } = options
  await world.pool.query('create database peers')
  const databaseUrl = new URL(world.ownerUrl)
  databaseUrl.protocol = 'postgresql:'
  databaseUrl.pathname = '/peers'
  const { url, clientId, clientSecret } = world.kki
  const settings = { url, clientId, clientSecret, databaseUrl: databaseUrl.href, directory, pageSize, schema, table }
  return async (): Promise<DltRun> => {
    const { result, processor } = await world.withProcessorTime(() => runDlt(python, directory, settings))
    const stored = await countRows(databaseUrl.href)
    return { ...result, stored, processor: share(processor, result.processor) }
  }
}

type Told = Omit<DltRun, 'stored' | 'processor'> & { processor: number }

async function runDlt(python: string, directory: string, settings: object): Promise<Told> {
  const script = path.join(root, 'bench', 'peers', 'run_dlt.py')
  const running = run(python, [script], {
    // It reads settings from there and from the home directory.
    cwd: directory,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: directory,
      RUNTIME__DLTHUB_TELEMETRY: 'false',
      RUNTIME__LOG_LEVEL: 'ERROR'
    },
    timeout: runMs,
    maxBuffer: 1 << 24
  })
  running.child.stdin?.end(JSON.stringify(settings))
  const { stdout } = await running
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Told
}

const share = ({ postgres, simulator }: ProcessorTime, dlt: number) => ({ dlt, postgres, simulator })

async function countRows(databaseUrl: string): Promise<number> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from ${schema}.${table}`)
    return (rows[0] as { count: number }).count
  } finally {
    await client.end()
  }
}
