import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { installOdoo } from './install.ts'

export const addons = ['sdmk_core', 'sdmk_integration_manager', 'sdmk_integration_kki'] as const

const nobody = 65534
const stopMs = 20_000
const startMs = 120_000
const source = fileURLToPath(new URL('../../odoo_addons', import.meta.url))

/** What a command of Odoo printed, and how it ended. */
export interface OdooOutput {
  code: number | null
  /** Lines of its log. */
  lines: string[]
}

/** An Odoo with the addons of this repository, on a PostgreSQL that is there. */
export interface Odoo {
  /** Runs a command of `odoo`, such as `server` or `module`, on a database and to its end. */
  run(database: string, command: string, args: string[]): Promise<OdooOutput>
  /** Runs Python with `env` of a database at hand, to its end. */
  shell(database: string, script: string): Promise<OdooOutput>
  /** Serves a database; returns its address, which is the given one where it was served before. */
  serve(database: string, url?: string): Promise<string>
  /** Ends what it serves, as a restart of the machine would. */
  stop(): Promise<void>
  /** Ends what it serves, and removes its databases and files. */
  close(): Promise<void>
}

/**
 * Prepares an Odoo beside a PostgreSQL, of which `serverUrl` names a superuser. It runs as nobody, with a copy of the
 * addons: that user may not enter the repository's folder. @throws OdooUnavailable
 */
export async function createOdoo(serverUrl: string): Promise<Odoo> {
  const python = await installOdoo()
  const home = await mkdtemp(path.join(tmpdir(), 'sdmk-odoo-'))
  const server = new URL(serverUrl)
  const role = `odoo_${randomBytes(4).toString('hex')}`
  const password = randomBytes(16).toString('hex')
  await withAdmin(serverUrl, client => client.query(`create role ${role} login createdb password '${password}'`))
  await cp(source, path.join(home, 'addons'), { recursive: true })
  await mkdir(path.join(home, 'data'))
  const conf = path.join(home, 'odoo.conf')
  await writeFile(
    conf,
    `[options]
addons_path = ${path.join(home, 'addons')}
data_dir = ${path.join(home, 'data')}
db_host = ${server.hostname}
db_port = ${server.port}
db_user = ${role}
db_password = ${password}
list_db = False
http_interface = 127.0.0.1
max_cron_threads = 0
`
  )
  const isRoot = process.getuid?.() === 0
  if (isRoot) for (const file of [home, path.join(home, 'data'), conf]) await chown(file, nobody, nobody)
  await chmod(home, 0o755)
  const running = new Set<ChildProcess>()
  const databases = new Set<string>()

  const start = (database: string, command: string, args: string[], input = '') => {
    databases.add(database)
    const environment = {
      HOME: home,
      PATH: '/usr/bin:/bin',
      LANG: 'C.UTF-8',
      PYTHONPATH: python,
      PYTHONDONTWRITEBYTECODE: '1'
    }
    const odoo = ['/usr/bin/python3', path.join(python, '../../../bin/odoo')]
    const python3 = isRoot ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', ...odoo] : odoo
    const [action = '', ...others] = args
    const options = ['-c', conf, '-d', database]
    // All but these two take their options behind what they do: `module uninstall -c …`.
    const commandLine = ['server', 'shell'].includes(command)
      ? [command, ...options, ...args]
      : [command, action, ...options, ...others]
    const [file = '', ...rest] = [...python3, ...commandLine]
    const child = spawn(file, rest, { env: environment, cwd: home, stdio: ['pipe', 'pipe', 'pipe'] })
    child.stdin.end(input)
    running.add(child)
    child.once('exit', () => running.delete(child))
    const lines: string[] = []
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n').filter(Boolean)))
    }
    return { child, lines }
  }

  const stop = async () => {
    for (const child of running) {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await Promise.race([ended, wait(stopMs, undefined, { ref: false }).then(() => child.kill('SIGKILL'))])
    }
  }

  return {
    async run(database, command, args) {
      const port = command === 'server' ? ['--stop-after-init', '--http-port', String(await freePort())] : []
      const { child, lines } = start(database, command, [...port, ...args])
      const [code] = (await once(child, 'exit')) as [number | null]
      return { code, lines }
    },
    async shell(database, script) {
      const { child, lines } = start(database, 'shell', ['--no-http'], script)
      const [code] = (await once(child, 'exit')) as [number | null]
      return { code, lines }
    },
    async serve(database, before) {
      const url = before ?? `http://127.0.0.1:${await freePort()}`
      const { child, lines } = start(database, 'server', ['--http-port', new URL(url).port])
      const until = Date.now() + startMs
      while (Date.now() < until && child.exitCode === null) {
        const answer = await fetch(`${url}/web/health`).catch(() => null)
        if (answer?.ok) return url
        await wait(200)
      }
      throw new Error(`Odoo does not answer:\n${lines.slice(-20).join('\n')}`)
    },
    stop,
    async close() {
      await stop()
      await withAdmin(serverUrl, async client => {
        for (const database of databases) await client.query(`drop database if exists "${database}" with (force)`)
        await client.query(`drop role if exists ${role}`)
      })
      await rm(home, { recursive: true, force: true })
    }
  }
}

async function withAdmin<T>(serverUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const url = new URL(serverUrl)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
