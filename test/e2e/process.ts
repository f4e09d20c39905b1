import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

export const sdmk = fileURLToPath(new URL('../../sidecar/cli/sdmk.ts', import.meta.url))

export interface Result {
  code: number | null
  stdout: string
  stderr: string
}

/** On no day before 29 February 2028: a run that a test did not ask for would disturb it. */
export const noSchedule = '0 0 29 2 *'

/** The environment of this process without settings of ours, and with the given ones; runs start only when asked for. */
export function environment(env: Record<string, string>): NodeJS.ProcessEnv {
  const rest = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(SDMK|KKI|OTEL)_|^NODE_/.test(name))
  )
  return { ...rest, KKI_SCHEDULE: noSchedule, ...env }
}

/** Runs `sdmk` to its end. */
export function runSdmk(
  args: string[],
  env: Record<string, string>,
  timeoutMs?: number,
  input?: string
): Promise<Result> {
  return runFile(sdmk, args, env, timeoutMs, input)
}

/** Runs a file with Node to its end. */
export async function runFile(
  file: string,
  args: string[],
  env: Record<string, string>,
  timeoutMs = 900_000,
  input = ''
): Promise<Result> {
  const child = spawn(process.execPath, [file, ...args], {
    env: environment(env),
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL'
  })
  // Who does not read it may be gone before it is written.
  child.stdin.on('error', () => undefined).end(input)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

export interface Service {
  child: ChildProcess
  url: string
  /** Returns its log so far. */
  output(): string
  /** Resolves when the process is gone. */
  kill(signal: NodeJS.Signals): Promise<number | null>
}

/** Starts `sdmk serve` and waits until it is ready. Killed with the test. */
export async function serve(
  t: TestContext,
  env: Record<string, string>,
  nodeFlags: string[] = [],
  file = sdmk
): Promise<Service> {
  const child = spawn(process.execPath, [...nodeFlags, file, 'serve'], {
    env: environment({ SDMK_PORT: '0', ...env }),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    const [code] = await exited
    return code as number | null
  }
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) await kill('SIGKILL')
  })
  let log = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', chunk => {
      log += chunk
      const address = /"url":"(http:[^"]+)".*"msg":"the service is ready"/.exec(log)?.[1]
      if (address) resolve(address)
    })
    child.once('exit', code => reject(new Error(`sdmk serve ended with code ${code}: ${log}`)))
  })
  return { child, url, output: () => log, kill }
}

/** Connects to the embedded database that a service keeps under its data folder. */
export async function connectEmbedded(t: TestContext, dataDir: string): Promise<pg.Client> {
  const cluster = path.join(dataDir, 'postgres', 'cluster')
  const [, , , port] = (await readFile(path.join(cluster, 'data', 'postmaster.pid'), 'utf8')).split('\n')
  const password = (await readFile(path.join(cluster, 'password'), 'utf8')).trim()
  const client = new pg.Client({ host: '127.0.0.1', port: Number(port), user: 'sdmk', password, database: 'sdmk' })
  // The server is stopped under it when the test ends.
  client.on('error', () => {})
  await client.connect()
  t.after(() => client.end().catch(() => {}))
  return client
}

/** Asks until `check` says yes; the limit is a bound against hanging. */
export async function until(what: string, check: () => Promise<boolean>, timeoutMs = 120_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (Date.now() < end) {
    if (await check()) return
    await wait(50)
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`)
}
