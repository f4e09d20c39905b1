/**
 * Measures the time of `npm start` on a migrated database until GET /readyz answers 200: median and worst of `--starts`
 * starts (10), with and without npm itself; cold (no file in the machine's memory, no compiled code on its disk), and
 * warm. Exit code 1 if the median of a cold start is over two seconds.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import packageJson from '../package.json' with { type: 'json' }
import { environment } from '../test/e2e/process.ts'
import { root } from './program.ts'
import { openWorld } from './world.ts'

const limitMs = 2000
const startMs = 120_000
const pollMs = 10

const { values } = parseArgs({ options: { starts: { type: 'string', default: '10' } } })
const starts = Number(values.starts)
await using world = await openWorld({ rows: 1000 })
// A first start does one-time work, so it is not measured.
await world.sidecars[0].stop()

const withoutNpm = `exec env ${packageJson.scripts.start}`
const kinds = [
  { start: 'npm start, cold', command: 'npm start', isCold: true },
  { start: 'npm start, warm', command: 'npm start', isCold: false },
  { start: 'without npm, cold', command: withoutNpm, isCold: true },
  { start: 'without npm, warm', command: withoutNpm, isCold: false }
]
const results = kinds.map(kind => ({ ...kind, times: [] as number[] }))
let isForgotten = true
for (let turn = 0; turn < starts; turn++) {
  for (const { command, isCold, times } of results) {
    if (isCold) isForgotten = await forget()
    times.push(await timeOf(command))
  }
}
if (!isForgotten) console.log('Only root can drop the page cache: cold starts had no compiled code, but cached files.')
console.log(`${starts} starts each, milliseconds; load of the machine ${os.loadavg()[0]?.toFixed(1)}`)
console.table(
  results.map(({ start, times }) => ({ start, median: median(times), worst: Math.round(Math.max(...times)) }))
)
if (median(results[0]?.times ?? []) > limitMs) process.exitCode = 1

/** Deletes compiled code from the disk and drops the page cache; false if the latter is not allowed. */
async function forget(): Promise<boolean> {
  await rm(path.join(root, 'node_modules/.cache/sdmk'), { recursive: true, force: true })
  return writeFile('/proc/sys/vm/drop_caches', '3').then(
    () => true,
    () => false
  )
}

/** Returns the milliseconds until a service that this command starts is ready, and ends it. */
async function timeOf(command: string): Promise<number> {
  const port = await freePort()
  const started = performance.now()
  const child = spawn('sh', ['-c', command], {
    cwd: root,
    env: environment({ ...world.settings, SDMK_PORT: String(port) }),
    stdio: 'ignore',
    // npm, its shell and the service are stopped together.
    detached: true
  })
  const exited = once(child, 'exit')
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode} before it was ready`)
      if (performance.now() - started > startMs) throw new Error(`${command} was not ready in two minutes`)
      await wait(pollMs)
    }
    return performance.now() - started
  } finally {
    signalGroup(child, 'SIGTERM')
    await exited
    // npm may end before the service.
    while (signalGroup(child, 0)) await wait(pollMs)
  }
}

/** Returns whether a process existed for the signal. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-(pid as number), signal)
  } catch {
    return false
  }
}

async function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(startMs) }).then(
    ({ ok }) => ok,
    () => false
  )
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function median(times: number[]): number {
  return Math.round(times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0)
}
