import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SdmkError } from '../../sidecar/errors.ts'
import type { OdooEngine, OdooProcess } from './engine.ts'
import { freePort } from './ports.ts'

/** An Odoo that these tools started failed; the message ends with its last log lines. */
export class OdooFailed extends SdmkError {
  readonly code = 'SDMK_ODOO_TOOL_FAILED'
}

const stopMs = 20_000
const startMs = 120_000
/** An installation with Indonesian takes half a minute, tests of the addons two. */
const commandMs = 600_000
/** Lines that are kept of the log of a long-running server. */
const maxLines = 20_000
const source = fileURLToPath(new URL('../../odoo_addons', import.meta.url))

/** Output and exit code of a command of Odoo. */
export interface OdooOutput {
  code: number | null
  /** Lines of its log. */
  lines: string[]
}

/** Odoo's commands over a folder with its configuration, its files and a copy of the addons. */
export interface OdooCommands {
  /** Runs a command of `odoo`, such as `server` or `module`, on a database and to its end. */
  run(database: string, command: string, args: string[]): Promise<OdooOutput>
  /** Runs Python with the `env` of a database, to its end. */
  shell(database: string, script: string): Promise<OdooOutput>
  /** Serves a database on a port, a free one unless given; returns its address. */
  serve(database: string, port?: number): Promise<string>
  /** Process ids of the running commands. */
  pids(): number[]
  /** Ends the running commands. */
  stop(): Promise<void>
}

export interface OdooSettings {
  engine: OdooEngine
  /** An existing folder that Odoo's user may access. */
  folder: string
  /** URL of a PostgreSQL on this machine. */
  serverUrl: string
  role: string
  password: string
  cronThreads: number
  /** Folders with further addons. */
  moreAddons?: string[]
}

/** Writes the configuration and a copy of the addons into the folder: Odoo's user may not access the repository. */
export async function prepareCommands(settings: OdooSettings): Promise<OdooCommands> {
  const { engine, folder } = settings
  const conf = await writeFolder(settings)
  const running = new Set<OdooProcess>()

  const start = (port: number, database: string, command: string, args: string[], input = '') => {
    const [action = '', ...others] = args
    const options = ['-c', conf, '-d', database]
    // All commands except these two take their options after the action: `module uninstall -c …`.
    const commandLine = ['server', 'shell'].includes(command)
      ? [command, ...options, ...args]
      : [command, action, ...options, ...others]
    const started = engine.start(folder, port, commandLine)
    const { child } = started
    running.add(started)
    child.once('close', () => running.delete(started))
    return { child, lines: collectLines(child, input), started }
  }
  const toEnd = async ({ child, lines, started }: ReturnType<typeof start>): Promise<OdooOutput> => {
    const tooLong = setTimeout(started.kill, commandMs)
    const [code] = (await once(child, 'close')) as [number | null]
    clearTimeout(tooLong)
    return { code, lines }
  }

  return {
    async run(database, command, args) {
      const port = await freePort()
      const server = command === 'server' ? ['--stop-after-init', '--http-port', String(port)] : []
      return toEnd(start(port, database, command, [...server, ...args]))
    },
    async shell(database, script) {
      return toEnd(start(0, database, 'shell', ['--no-http'], script))
    },
    async serve(database, given) {
      const port = given ?? (await freePort())
      const url = `http://127.0.0.1:${port}`
      const { child, lines } = start(port, database, 'server', ['--http-port', String(port)])
      const until = Date.now() + startMs
      while (Date.now() < until && child.exitCode === null && child.signalCode === null) {
        const answer = await fetch(`${url}/web/health`).catch(() => null)
        if (answer?.ok) return url
        await wait(200)
      }
      throw new OdooFailed(`Odoo does not answer:\n${lines.slice(-20).join('\n')}`)
    },
    pids: () => [...running].flatMap(({ child }) => child.pid ?? []),
    async stop() {
      await Promise.all([...running].map(stopOne))
    }
  }
}

async function writeFolder({ engine, folder, moreAddons = [], ...settings }: OdooSettings): Promise<string> {
  const server = new URL(settings.serverUrl)
  const copy = path.join(folder, 'addons')
  const data = path.join(folder, 'data')
  const conf = path.join(folder, 'odoo.conf')
  await rm(copy, { recursive: true, force: true })
  for (const addons of [source, ...moreAddons]) await cp(addons, copy, { recursive: true })
  await mkdir(data, { recursive: true })
  await writeFile(
    conf,
    `[options]
addons_path = ${copy}
data_dir = ${data}
db_host = ${engine.host}
db_port = ${server.port}
db_user = ${settings.role}
db_password = ${settings.password}
list_db = False
http_interface = ${engine.httpInterface}
max_cron_threads = ${settings.cronThreads}
`,
    { mode: 0o600 }
  )
  const { uid, gid } = engine.account
  if (uid !== undefined && gid !== undefined) for (const file of [folder, data, conf]) await chown(file, uid, gid)
  await chmod(folder, 0o755)
  return conf
}

function collectLines({ stdin, stdout, stderr }: ChildProcess, input: string): string[] {
  const lines: string[] = []
  // A command that ends before it has read all of its input reports the reason itself.
  stdin?.on('error', () => undefined).end(input)
  for (const stream of [stdout, stderr]) {
    // A chunk may end within a line.
    let rest = ''
    const add = (text: string) => {
      const [last = '', ...whole] = `${rest}${text}`.split('\n').reverse()
      rest = last
      lines.push(...whole.reverse().filter(Boolean))
      if (lines.length > maxLines) lines.splice(0, lines.length - maxLines / 2)
    }
    stream
      ?.setEncoding('utf8')
      .on('data', add)
      .on('end', () => add('\n'))
  }
  return lines
}

async function stopOne({ child, kill }: OdooProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(kill, stopMs)
  await ended
  clearTimeout(late)
}
