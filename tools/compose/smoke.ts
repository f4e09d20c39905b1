/**
 * `npm run compose:smoke`: starts docker-compose.odoo.yml under a separate name and ports, makes a run through the API,
 * checks that Odoo has the people, and stops all of it. Exit code 69 without a container engine, 1 after a failure.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { fetchPatiently } from '../../test/helpers/patiently.ts'
import { freePort } from '../odoo/ports.ts'

/** sysexits.h: a service is unavailable. */
const unavailableExitCode = 69
/** The first time, images are fetched and built. */
const upMs = 1_800_000
const healthyMs = 300_000
const runMs = 300_000
const mirroredMs = 120_000
const pollMs = 1000

const root = fileURLToPath(new URL('../..', import.meta.url))
const ports = ['ODOO_PORT', 'API_PORT', 'GRAFANA_PORT', 'PROMETHEUS_PORT', 'ALERTMANAGER_PORT']
const compose = [
  'compose',
  '--project-name',
  'sdmk-smoke',
  '--file',
  'docker-compose.odoo.yml',
  '--env-file',
  '.env.example'
]
const run = promisify(execFile)
const env: NodeJS.ProcessEnv = { ...process.env, SIMULATOR_ROWS: '2000' }

if (await hasEngine()) process.exitCode = await smoke()
else {
  console.error('There is no container engine: "docker compose" does not answer. Nothing was started.')
  process.exitCode = unavailableExitCode
}

async function hasEngine(): Promise<boolean> {
  try {
    await run('docker', ['info'])
    await run('docker', ['compose', 'version'])
    return true
  } catch {
    return false
  }
}

async function smoke(): Promise<number> {
  await run('sh', [path.join(root, 'deploy/compose/make-secrets.sh')])
  for (const name of ports) env[name] = String(await freePort())
  try {
    // Returns when all services have started; their dependencies are then healthy or completed.
    await docker(['up', '--build', '--detach'], upMs)
    await until('every service is healthy', healthyMs, areHealthy)
    await makeRun()
    await until('Odoo has the people', mirroredMs, async () => {
      const known = await count('sdmk-db', 'sdmk', 'sdmk.health_worker')
      return known > 0 && known === (await count('odoo-db', 'odoo', 'sdmk_health_worker'))
    })
    console.log('The installation works.')
    return 0
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    await docker(['ps', '--all'], healthyMs).catch(() => {})
    await docker(['logs', '--tail', '30'], healthyMs).catch(() => {})
    return 1
  } finally {
    await docker(['down', '--volumes', '--timeout', '60'], healthyMs)
  }
}

/** Runs a command of Docker Compose with visible output. */
async function docker(args: string[], timeout: number): Promise<void> {
  const child = spawn('docker', [...compose, ...args], { cwd: root, env, stdio: 'inherit', timeout })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`docker compose ${args[0]} ended with code ${code}`)
}

/** Returns the output of a command of Docker Compose. */
async function read(args: string[]): Promise<string> {
  return (await run('docker', [...compose, ...args], { cwd: root, env })).stdout
}

async function areHealthy(): Promise<boolean> {
  const lines = (await read(['ps', '--format', 'json'])).trim().split('\n')
  const states = lines.map(line => JSON.parse(line) as { Health: string })
  return states.length > 0 && states.every(({ Health }) => Health === 'healthy')
}

async function makeRun(): Promise<void> {
  const key = (await readFile(path.join(root, '.data/compose-secrets/odoo-api-key'), 'utf8')).trim()
  const ask = async (address: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const response = await fetchPatiently(`http://127.0.0.1:${env.API_PORT}${address}`, { ...init, headers })
    const body = (await response.json()) as { id: number; state: string; finishedAt: string | null }
    if (!response.ok) throw new Error(`${address}: ${response.status} ${JSON.stringify(body)}`)
    return body
  }
  const { id } = await ask('/v1/runs', { method: 'POST', body: JSON.stringify({ mode: 'full' }) })
  let state = ''
  await until('the run has ended', runMs, async () => {
    const body = await ask(`/v1/runs/${id}`)
    state = body.state
    return body.finishedAt !== null
  })
  if (state !== 'applied') throw new Error(`the run is ${state}, not applied`)
}

async function count(service: string, database: string, table: string): Promise<number> {
  const sql = `select count(*) from ${table}`
  return Number(await read(['exec', '-T', service, 'psql', '-U', database, '-d', database, '-Atc', sql]))
}

async function until(what: string, milliseconds: number, check: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + milliseconds
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds / 1000} s: ${what}`)
    await wait(pollMs)
  }
  console.log(`✔ ${what}`)
}
