/**
 * Streams a full run of `--rows` records (2,000,000 unless told otherwise) through a sidecar process and prints its
 * resident memory: idle, peak, and the difference. Ends with 1 where the peak is over 240 MB or over idle + 80 MB.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { followRun } from '../sidecar/cli/follow.ts'
import { summarize } from '../sidecar/cli/summary.ts'
import { createApiKey } from '../sidecar/platform/api-key.ts'
import { createDatabase } from '../sidecar/platform/database.ts'
import { startEmbeddedDatabase } from '../sidecar/platform/embedded-database.ts'
import { createLogger } from '../sidecar/platform/logger.ts'
import { migrate } from '../sidecar/platform/migrations.ts'
import { initIdentity } from '../sidecar/registry/identity.ts'
import { createFileSecretStore } from '../sidecar/secrets/file.ts'

const limitMb = 240
const aboveIdleMb = 80
const pollMs = 200
const idleMs = 5000
/** Those of `npm start`: without them glibc keeps what large buffers leave behind. */
const startFlags = ['--max-semi-space-size=2']
const startEnvironment = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '65536'
}

const { values } = parseArgs({ options: { rows: { type: 'string', default: '2000000' } } })
const sdmk = fileURLToPath(new URL('../sidecar/cli/sdmk.ts', import.meta.url))
const logger = createLogger('error')
const directory = await mkdtemp(path.join(tmpdir(), 'sdmk-memory-'))
const embedded = await startEmbeddedDatabase({ directory, logger })
const children: ReturnType<typeof spawn>[] = []
try {
  await migrate({ databaseUrl: embedded.url, logger })
  const simulator = start(['simulator', '--json', '--port', '0', '--rows', values.rows], {})
  const kki = JSON.parse(await lineOf(simulator, /clientSecret/))
  const secrets = createFileSecretStore(path.join(directory, 'secrets'))
  await initIdentity(secrets)
  await secrets.write('kki', { clientId: kki.clientId, clientSecret: kki.clientSecret })
  const service = start(['serve'], {
    SDMK_DATABASE_URL: embedded.url,
    SDMK_SECRETS_DIR: path.join(directory, 'secrets'),
    SDMK_PORT: '0',
    KKI_BASE_URL: kki.url
  })
  const { url } = JSON.parse(await lineOf(service, /the service is ready/)) as { url: string }
  service.stdout?.resume()
  const { pool } = createDatabase({ url: embedded.url, maxConnections: 2 }, logger)
  const { key } = await createApiKey(pool, 'bench', ['runs:write'])

  const pid = service.pid as number
  await wait(idleMs)
  const idle = await residentMb(pid)
  let peak = idle
  const watch = setInterval(async () => {
    peak = Math.max(peak, await residentMb(pid))
  }, pollMs)
  const response = await fetch(`${url}/v1/runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ mode: 'full' })
  })
  const { id } = (await response.json()) as { id: number }
  const run = await followRun(pool, id)
  clearInterval(watch)
  const { rows: phases } = await pool.query(
    `select round(sum(extract(epoch from fetched_at - fetch_started_at)), 1) as fetch,
      round(sum(extract(epoch from planned_at - fetched_at)), 1) as "wait and plan",
      round(sum(extract(epoch from finished_at - planned_at)), 1) as apply from kki.batch`
  )
  console.log('seconds of all batches together:', phases[0])
  await pool.end()

  const summary = summarize(run)
  const rate = Math.round(summary.fetched / summary.seconds)
  console.log(
    `${summary.fetched.toLocaleString('en')} rows in ${summary.seconds} s, ${rate.toLocaleString('en')} rows/s, ${run.state}`
  )
  console.log(`resident memory: idle ${idle} MB, peak ${peak} MB, above idle ${peak - idle} MB`)
  if (run.state !== 'applied' || peak > limitMb || peak > idle + aboveIdleMb) process.exitCode = 1
} finally {
  for (const child of children) child.kill('SIGTERM')
  await Promise.all(children.map(child => child.exitCode === null && once(child, 'exit')))
  await embedded.stop()
  await rm(directory, { recursive: true, force: true })
}

/** Starts `sdmk` as `npm start` does: the flags that bound its memory are part of what is measured. */
function start(args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [...startFlags, sdmk, ...args], {
    env: { ...process.env, ...startEnvironment, ...env },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  children.push(child)
  return child
}

async function lineOf(child: ReturnType<typeof spawn>, pattern: RegExp): Promise<string> {
  if (!child.stdout) throw new Error('the process has no output')
  for await (const line of createInterface({ input: child.stdout })) if (pattern.test(line)) return line
  throw new Error(`the process ended before it said ${pattern}`)
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024)
}
