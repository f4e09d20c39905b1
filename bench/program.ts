import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { environment } from '../test/e2e/process.ts'
import { treeSeconds } from './processor.ts'

export const root = fileURLToPath(new URL('..', import.meta.url))
const startMs = 120_000
const stopMs = 60_000
/** Interval for reading the peak, which the system keeps while the process exists. */
const peakMs = 50

/** A process of a benchmark, after its line that it is ready. */
export interface Program {
  pid: number
  readyLine: string
  residentMb(): Promise<number>
  /** How long its main thread has run, and how long it waited for a processor because of other work. */
  seconds(): Promise<{ running: number; waiting: number }>
  /** Processor time of all its threads and children, in seconds. */
  processorSeconds(): Promise<number>
  /** Ends it, by force after a minute. */
  stop(): Promise<void>
}

/** Starts the service with the command of `npm start`, because its flags and its environment are measured too. */
export function startService(env: Record<string, string>): Promise<Program> {
  return startProgram('sh', ['-c', `exec env ${packageJson.scripts.start}`], env, /the service is ready/)
}

/** Starts `sdmk simulator`. */
export function startSimulator(args: string[]): Promise<Program> {
  const command = ['sidecar/cli/sdmk.ts', 'simulator', '--json', '--port', '0', ...args]
  return startProgram(process.execPath, command, {}, /clientSecret/)
}

/** Runs `sdmk` to its end with the command of `npm run sdmk`, and returns its output and its peak resident memory. */
export async function runCommand(
  args: string[],
  env: Record<string, string>
): Promise<{ output: string; peakMb: number }> {
  const child = spawn('sh', ['-c', `exec env ${packageJson.scripts.sdmk} "$@"`, 'sh', ...args], {
    cwd: root,
    env: environment({ PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, ...env }),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let peakMb = 0
  const watch = setInterval(async () => {
    peakMb = Math.max(peakMb, await statusMb(child.pid as number, 'VmHWM'))
  }, peakMs)
  const closed = once(child, 'close')
  try {
    const output = await text(child.stdout)
    const [code] = await closed
    if (code !== 0) throw new Error(`sdmk ${args[0]} ended with code ${code}: ${output}`)
    return { output, peakMb }
  } finally {
    clearInterval(watch)
    child.kill('SIGKILL')
  }
}

async function startProgram(
  file: string,
  args: string[],
  env: Record<string, string>,
  isReady: RegExp
): Promise<Program> {
  const child = spawn(file, args, {
    cwd: root,
    env: environment({ PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, ...env }),
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), stopMs)
    await exited
    clearTimeout(late)
  }
  try {
    const readyLine = await lineOf(child, isReady)
    child.stdout.resume()
    const pid = child.pid as number
    return {
      pid,
      readyLine,
      residentMb: () => statusMb(pid, 'VmRSS'),
      seconds: () => seconds(pid),
      processorSeconds: () => treeSeconds(pid),
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function lineOf({ stdout }: ChildProcess, pattern: RegExp): Promise<string> {
  if (stdout === null) throw new Error('the program has no output')
  const lines = createInterface({ input: stdout, signal: AbortSignal.timeout(startMs) })
  for await (const line of lines) if (pattern.test(line)) return line
  throw new Error(`the program ended, or two minutes went by, before it said "${pattern.source}"`)
}

/** Present or peak resident memory; 0 for a process that has ended. */
async function statusMb(pid: number, name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const [, kilobytes = 0] = status.match(new RegExp(`${name}:\\s+(\\d+) kB`)) ?? []
  return Math.round(Number(kilobytes) / 1024)
}

async function seconds(pid: number) {
  const [running = 0, waiting = 0] = (await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ').map(Number)
  return { running: running / 1e9, waiting: waiting / 1e9 }
}
