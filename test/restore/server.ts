import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { findAccount } from '../../sidecar/platform/embedded-binaries.ts'
import { installCluster } from '../../tools/ha/install.ts'
import { freePort } from '../../tools/odoo/ports.ts'

const run = promisify(execFile)
const limitMs = 300_000

/** Debian's PostgreSQL, which has the programs for backups that the embedded one lacks. */
export interface Workshop {
  /** Where its user may write. */
  folder: string
  archive: string
  password: string
  /** Runs a program as the user of PostgreSQL, with the login of the owner. @throws an error with the program's output */
  as(file: string, args: string[], port?: number): Promise<string>
  /** Starts a server on this data folder, which archives its log; resolves to its port. Stopped with the test. */
  start(data: string): Promise<number>
  stop(data: string): Promise<void>
  /** The URL of a database for the login that owns it. */
  urlOf(port: number, database: string): string
}

export async function openWorkshop(t: TestContext): Promise<Workshop> {
  const programs = await installCluster()
  const account = await findAccount()
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-restore-'))
  await chmod(folder, 0o711)
  const password = randomBytes(12).toString('hex')
  if (account.uid !== undefined && account.gid !== undefined) await chown(folder, account.uid, account.gid)
  const running = new Set<string>()
  const env = { ...programs.env, PATH: `${programs.postgres}:/usr/bin:/bin`, PGUSER: 'sdmk', PGPASSWORD: password }
  const as: Workshop['as'] = async (file, args, port) => {
    const { stdout, stderr } = await run(file, args, {
      ...account,
      cwd: '/',
      timeout: limitMs,
      env: { ...env, PGHOST: '127.0.0.1', ...(port !== undefined && { PGPORT: String(port) }) }
    })
    return stdout + stderr
  }
  const archive = path.join(folder, 'archive')
  await as('mkdir', [archive])
  const passwordFile = path.join(folder, 'password')
  await writeFile(passwordFile, password)
  if (account.uid !== undefined && account.gid !== undefined) await chown(passwordFile, account.uid, account.gid)
  const data = path.join(folder, 'data')
  const initial = ['--username=sdmk', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
  await as('initdb', [`--pgdata=${data}`, ...initial, '--locale=C.UTF-8'])
  const stop: Workshop['stop'] = async place => {
    running.delete(place)
    await as('pg_ctl', ['stop', '-w', '--mode=fast', `--pgdata=${place}`])
  }
  t.after(async () => {
    for (const place of running) await stop(place).catch(error => t.diagnostic(String(error)))
    await rm(folder, { recursive: true, force: true })
  })
  return {
    folder,
    archive,
    password,
    as,
    stop,
    urlOf: (port, database) => `postgres://sdmk:${password}@127.0.0.1:${port}/${database}`,
    async start(place) {
      const port = await freePort()
      const settings = {
        port,
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        archive_mode: 'on',
        archive_command: `test ! -f ${archive}/%f && cp %p ${archive}/%f`,
        max_wal_size: '1GB'
      }
      const flags = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`)
      await as('pg_ctl', [
        ...['start', '-w', `--timeout=${limitMs / 1000}`, `--pgdata=${place}`, `--log=${place}.log`],
        `--options=${flags.join(' ')}`
      ])
      running.add(place)
      return port
    }
  }
}
