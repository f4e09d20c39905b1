import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chown, cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { withAdmin } from '../../../tools/odoo/database.ts'
import { findEngine } from '../../../tools/odoo/engine.ts'
import { addons, type Odoo } from '../../../tools/odoo/server.ts'
import { serverUrl } from '../../helpers/server.ts'

const source = fileURLToPath(new URL('../../../odoo_addons', import.meta.url))
/** Owns the content of the template, so that a copy can give it to the login of another Odoo. */
const owner = 'sdmk_odoo_template'
const lock = `hashtext('sdmk odoo template')`

/**
 * Makes a database with the addons in both languages. An installation takes half a minute, so the first one on a server is
 * kept, and the others are copies of it.
 */
export async function installAddons(odoo: Odoo, database: string): Promise<void> {
  const server = await serverUrl()
  const name = `sdmk_odoo_template_${await fingerprint()}`
  const files = path.join(tmpdir(), `sdmk-odoo-files-${userInfo().username}`, name)
  await withAdmin(server, async client => {
    await client.query(`select pg_advisory_lock(${lock})`)
    const { rows } = await client.query('select datallowconn from pg_database where datname = $1', [name])
    if (rows[0]?.datallowconn !== false) await makeTemplate(odoo, name, files)
    await client.query(`drop database if exists "${database}" with (force)`)
    await client.query(`create database "${database}" template ${name} owner ${odoo.role} strategy file_copy`)
  })
  await withAdmin(server, client => client.query(`reassign owned by ${owner} to ${odoo.role}`), database)
  await copyFiles(files, filesOf(odoo, database))
}

async function makeTemplate(odoo: Odoo, name: string, files: string): Promise<void> {
  const server = await serverUrl()
  const building = `${name}_building`
  await withAdmin(server, client => client.query(`drop database if exists "${building}" with (force)`))
  // The language afterwards: given with the first start it would take the place of English.
  for (const [command, ...args] of [
    ['server', '-i', addons.join()],
    ['i18n', 'loadlang', '-l', 'id_ID']
  ] as const) {
    const { code, lines } = await odoo.run(building, command, args)
    assert.equal(code, 0, lines.slice(-30).join('\n'))
  }
  await rm(files, { recursive: true, force: true })
  await mkdir(path.dirname(files), { recursive: true })
  const aside = `${files}.${process.pid}`
  await cp(filesOf(odoo, building), aside, { recursive: true })
  await rename(aside, files)
  await withAdmin(server, async client => {
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [owner])
    if (rowCount === 0) await client.query(`create role ${owner}`)
  })
  await withAdmin(server, client => client.query(`reassign owned by ${odoo.role} to ${owner}`), building)
  await withAdmin(server, async client => {
    // The databases themselves as well, which a later `reassign owned` would give away.
    const { rows } = await client.query<{ name: string }>(
      'select datname as name from pg_database where datdba = $1::regrole',
      [owner]
    )
    for (const database of rows) {
      const to = database.name === building ? 'current_user' : odoo.role
      await client.query(`alter database "${database.name}" owner to ${to}`)
    }
    await client.query(`alter database "${building}" rename to ${name}`)
    await client.query(`alter database ${name} with allow_connections false`)
  })
}

const filesOf = (odoo: Odoo, database: string) => path.join(odoo.folder, 'data', 'filestore', database)

async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true })
  await cp(from, to, { recursive: true })
  const { uid, gid } = (await findEngine()).account
  if (uid === undefined || gid === undefined) return
  await chown(path.dirname(to), uid, gid)
  await chown(to, uid, gid)
  for (const entry of await readdir(to, { recursive: true })) await chown(path.join(to, entry), uid, gid)
}

/** Changes with the addons. */
async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  const entries = await readdir(source, { recursive: true, withFileTypes: true })
  const files = entries
    .filter(entry => entry.isFile() && !entry.name.endsWith('.pyc'))
    .map(entry => path.join(entry.parentPath, entry.name))
  for (const file of files.sort()) hash.update(path.relative(source, file)).update(await readFile(file))
  return hash.digest('hex').slice(0, 12)
}
