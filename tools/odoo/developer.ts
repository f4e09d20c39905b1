import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Logger } from 'pino'
import { SdmkError } from '../../sidecar/errors.ts'
import { startEmbeddedDatabase } from '../../sidecar/platform/embedded-database.ts'
import { prepareFolder } from '../../sidecar/platform/embedded-folder.ts'
import { accountsOf, keepPasswords, makeAccounts, type OdooAccount, type Passwords } from './accounts.ts'
import { type OdooCommands, OdooFailed, prepareCommands } from './commands.ts'
import { withAdmin } from './database.ts'
import { findEngine, type OdooEngine } from './engine.ts'
import { fingerprintOf } from './fingerprint.ts'
import { addons } from './server.ts'

const database = 'sdmk_odoo'
const role = 'sdmk_odoo'
const lockName = 'sdmk odoo of a developer'
const addonsFolder = fileURLToPath(new URL('../../odoo_addons', import.meta.url))

export interface DeveloperOdooOptions {
  /** Folder of the embedded PostgreSQL and of Odoo's data. */
  dataDir: string
  logger: Logger
  /** Called with messages about slow steps. */
  say(line: string): void
}

/** An Odoo that keeps its data between starts. */
export interface DeveloperOdoo extends Pick<OdooCommands, 'shell'> {
  engine: OdooEngine
  database: string
  accounts: OdooAccount[]
  /** Serves it; returns its address. */
  serve(port: number): Promise<string>
  /** Queries Odoo's database as its owner. */
  query<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]>
  /** Stops it, and the database server if no other program uses it; a second call does nothing. */
  close(): Promise<void>
}

/** Another process runs the Odoo of this folder. */
export class OdooBusy extends SdmkError {
  readonly code = 'SDMK_ODOO_BUSY'
}

/**
 * Sets up an Odoo under `dataDir`, in both languages and with users to log in as; an existing one gets an update of the
 * addons if they have changed. @throws OdooUnavailable, OdooBusy, EmbeddedDatabaseFailed
 */
export async function openDeveloperOdoo({ dataDir, logger, say }: DeveloperOdooOptions): Promise<DeveloperOdoo> {
  const engine = await findEngine()
  const server = await startEmbeddedDatabase({ directory: dataDir, logger })
  const unlock = await lock(server.url).catch(async error => {
    // A server that was already running belongs to another program.
    if (!server.adopted) await server.stop()
    throw error
  })
  const closers = [async () => ((await isInUse(server.url)) ? undefined : server.stop()), unlock]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const tenant = { name: 'odoo', program: 'Odoo', account: engine.account }
    const folder = await prepareFolder(dataDir, tenant, logger)
    const passwords = await keepPasswords(path.join(folder, 'passwords.json'))
    await ensureRole(server.url, passwords.database)
    const settings = { engine, folder, serverUrl: server.url, role, password: passwords.database, cronThreads: 1 }
    const odoo = await prepareCommands(settings)
    closers.push(() => odoo.stop())
    await setUp(odoo, { folder, serverUrl: server.url, passwords, say })
    return {
      engine,
      database,
      accounts: accountsOf(passwords),
      shell: odoo.shell,
      serve: port => odoo.serve(database, port),
      query: sql => withAdmin(server.url, async client => (await client.query(sql)).rows, database),
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}

interface Setup {
  folder: string
  serverUrl: string
  passwords: Passwords
  say(line: string): void
}

async function setUp(odoo: OdooCommands, { folder, serverUrl, passwords, say }: Setup): Promise<void> {
  // Written last, so that an interrupted setup starts again.
  const stamp = path.join(folder, 'addons.sha256')
  const present = await fingerprintOf(...addons.map(addon => path.join(addonsFolder, addon)))
  const kept = await readFile(stamp, 'utf8').catch(() => null)
  const exists = await withAdmin(serverUrl, client =>
    client.query('select from pg_database where datname = $1', [database])
  )
  if (kept !== null && exists.rowCount === 1) {
    if (kept === present) return
    say('The addons have changed; updating them in Odoo …')
    // An update that fails half-way is tried again with the next start.
    await install(odoo, ['-i', addons.join(), '-u', addons.join(), '--i18n-overwrite'])
  } else {
    say('Setting up Odoo with the addons in English and Indonesian; this takes about half a minute …')
    await rm(stamp, { force: true })
    await withAdmin(serverUrl, client => client.query(`drop database if exists ${database} with (force)`))
    await rm(path.join(folder, 'data/filestore', database), { recursive: true, force: true })
    await install(odoo, ['-i', addons.join(), '--load-language', 'en_US,id_ID'])
  }
  await makeAccounts(odoo, database, passwords)
  await writeFile(stamp, present)
}

async function install(odoo: OdooCommands, args: string[]): Promise<void> {
  const { code, lines } = await odoo.run(database, 'server', args)
  if (code !== 0) throw new OdooFailed(`Odoo could not be set up:\n${lines.slice(-20).join('\n')}`)
}

async function ensureRole(serverUrl: string, password: string): Promise<void> {
  await withAdmin(serverUrl, async client => {
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
    const verb = rowCount === 0 ? 'create' : 'alter'
    await client.query(`${verb} role ${role} login createdb password ${client.escapeLiteral(password)}`)
  })
}

/** A sidecar may use the same database server. Our own connections may still be closing. */
async function isInUse(serverUrl: string): Promise<boolean> {
  // The server may have been stopped meanwhile.
  const found = await withAdmin(serverUrl, client =>
    client.query(
      `select from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid() and usename <> $1 and application_name <> $2
      limit 1`,
      [role, lockName]
    )
  ).catch(() => null)
  return found?.rowCount === 1
}

/** The lock belongs to a connection, so it ends with the process in any case. Returns a function that releases it. */
async function lock(serverUrl: string): Promise<() => Promise<void>> {
  const url = new URL(serverUrl)
  url.pathname = '/postgres'
  const client = new pg.Client({
    connectionString: url.href,
    connectionTimeoutMillis: 10_000,
    application_name: lockName
  })
  // The server may be stopped meanwhile.
  client.on('error', () => undefined)
  await client.connect()
  const { rows } = await client.query('select pg_try_advisory_lock(hashtext($1)) as is_ours', [lockName])
  if (rows[0]?.is_ours) return () => client.end()
  await client.end()
  throw new OdooBusy('another process already runs the Odoo of this data folder')
}
