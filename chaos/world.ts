import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { initIdentity } from '../sidecar/identity/keys.ts'
import { createFileSecretStore } from '../sidecar/secrets/file.ts'
import { startServer, urlOf, withAdmin } from '../test/helpers/server.ts'
import { addons, createOdoo, type Odoo } from '../tools/odoo/server.ts'

/**
 * The shared parts of all lanes: a folder, one set of identity keys, and an Odoo with a database and a server for each
 * lane.
 */
export interface World {
  folder: string
  /** The same for all runs, so that equal NIKs have equal digests. */
  identityKeys: Record<string, string>
  /** Starts a separate Odoo for a lane. */
  serveOdoo(): Promise<LaneOdoo>
  close(): Promise<void>
}

export interface LaneOdoo {
  url: string
  database: string
  account: { login: string; apiKey: string }
  theirs: pg.Pool
  /** Deletes all its records. */
  empty(): Promise<void>
}

/**
 * Installs the addons once; each lane gets a copy of that database.
 * @param moreAddons folders whose files replace those of the repository's addons
 * @throws OdooUnavailable
 */
export async function createWorld(moreAddons: string[] = []): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-chaos-'))
  await chmod(folder, 0o711)
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer().catch(error => console.error(String(error)))
  }
  try {
    const keys = createFileSecretStore(path.join(folder, 'keys'))
    await initIdentity(keys)
    const identityKeys = (await keys.read('nik-keys')) as Record<string, string>
    // A separate server, because faults of the lanes' servers must not affect Odoo.
    await mkdir(path.join(folder, 'odoo-postgres'))
    const server = await startServer(path.join(folder, 'odoo-postgres'))
    closers.push(() => server.stop())
    const odoo = await createOdoo(server.url, { moreAddons })
    closers.push(() => odoo.close())
    const { template, account } = await install(odoo)
    const serveOdoo = async (): Promise<LaneOdoo> => {
      const database = `sdmk_chaos_${randomBytes(4).toString('hex')}`
      // Without the files of the web client, because no browser opens it.
      await withAdmin(server.url, async client => {
        const { rows } = await client.query<{ owner: string }>(
          'select datdba::regrole::text as owner from pg_database where datname = $1',
          [template]
        )
        await client.query(`create database ${database} template ${template} owner ${rows[0]?.owner}`)
      })
      const url = await odoo.serve(database)
      const theirs = new pg.Pool({ connectionString: urlOf(server.url, database), max: 2 })
      // Its database is dropped at the end, while it still runs.
      theirs.on('error', () => undefined)
      closers.push(() => theirs.end())
      const empty = async () => {
        await theirs.query('truncate sdmk_registration, sdmk_health_worker, sdmk_rejection, sdmk_batch cascade')
        await theirs.query('update sdmk_integration set version = 0')
      }
      return { url, database, account, theirs, empty }
    }
    return { folder, identityKeys, serveOdoo, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function install(odoo: Odoo) {
  const template = `sdmk_chaos_template_${randomBytes(4).toString('hex')}`
  const { code, lines } = await odoo.run(template, 'server', ['-i', addons.join()])
  if (code !== 0) throw new Error(`the addons could not be installed:\n${lines.slice(-20).join('\n')}`)
  const shell = await odoo.shell(
    template,
    `user = env.ref('sdmk_integration_manager.user_sdmk_service')
print('KEY', env['res.users.apikeys'].with_user(user).sudo()._generate('rpc', 'sidecar', None))
env.cr.commit()
`
  )
  const apiKey = shell.lines.find(line => line.startsWith('KEY '))?.slice(4)
  if (!apiKey) throw new Error(`Odoo gave no key:\n${shell.lines.slice(-10).join('\n')}`)
  return { template, account: { login: 'sdmk-sidecar', apiKey } }
}
