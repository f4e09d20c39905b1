import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { environment } from '../test/e2e/process.ts'
import { ChaosProxy } from './proxy.ts'
import { httpReader, postgresReader } from './wire.ts'

const startMs = 180_000
/** The delay of a service manager before it restarts a process. */
const restartMs = 1000

export type Peer = 'database' | 'kki' | 'odoo'
export const peers = ['database', 'kki', 'odoo'] as const

/** One process of the sidecar, with its proxies and its supervisor. */
export class Replica {
  readonly index: number
  readonly proxies: Record<Peer, ChaosProxy>
  /** How often it ended without a fault that ends it. */
  ownEnds = 0
  /** Its present address; the run is requested there. */
  url = ''
  #child: ChildProcess | null = null
  #log: WriteStream | null = null
  #isWanted = false
  #isKilled = false
  #start: (() => Promise<void>) | null = null

  constructor(index: number, targets: Record<Peer, URL>) {
    this.index = index
    const proxy = (peer: Peer) =>
      new ChaosProxy(
        { host: targets[peer].hostname, port: Number(targets[peer].port) },
        peer === 'database' ? postgresReader : httpReader
      )
    this.proxies = { database: proxy('database'), kki: proxy('kki'), odoo: proxy('odoo') }
  }

  /** Starts the sidecar of a folder and keeps it running until `stop`; resolves when it is ready. */
  async start(sdmk: string, env: Record<string, string>, logFile: string): Promise<void> {
    this.#log = createWriteStream(logFile, { flags: 'a' })
    this.#isWanted = true
    this.#start = () => this.#spawn(sdmk, env)
    await this.#start()
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  kill(): void {
    this.#isKilled = true
    this.#child?.kill('SIGKILL')
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    this.#isWanted = false
    const child = this.#child
    if (child && this.isRunning) {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    this.#log?.end()
  }

  async #spawn(sdmk: string, env: Record<string, string>): Promise<void> {
    const child = spawn(process.execPath, [sdmk, 'serve'], {
      env: environment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      // The harness handles Ctrl-C in a terminal.
      detached: true
    })
    this.#child = child
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const late = setTimeout(() => reject(new Error(`replica ${this.index} is not ready in time`)), startMs)
    let tail = ''
    const collect = (chunk: Buffer) => {
      this.#log?.write(chunk)
      tail = (tail + chunk).slice(-4000)
      const url = /"url":"(http:[^"]+)".*"msg":"the service is ready"/.exec(tail)?.[1]
      if (url === undefined) return
      this.url = url
      resolve()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('exit', (code, signal) => {
      this.#log?.write(`{"msg":"CHAOS: the process ended","code":${code},"signal":"${signal}"}\n`)
      reject(new Error(`replica ${this.index} ended with ${code ?? signal}: ${tail.slice(-1000)}`))
      if (!this.#isWanted) return
      if (!this.#isKilled) this.ownEnds++
      this.#isKilled = false
      // A start may fail during a fault; then this handler runs again and repeats the start.
      setTimeout(() => this.#isWanted && this.#start?.().catch(() => undefined), restartMs)
    })
    try {
      await promise
    } finally {
      clearTimeout(late)
    }
  }
}
