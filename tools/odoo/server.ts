import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type OdooCommands, prepareCommands } from './commands.ts'
import { withAdmin } from './database.ts'
import { findEngine } from './engine.ts'

export type { OdooOutput } from './commands.ts'

export const addons = ['sdmk_core', 'sdmk_integration_manager', 'sdmk_integration_kki'] as const

/** An Odoo with the addons of this repository for as long as it is needed, on a PostgreSQL that is there. */
export interface Odoo extends OdooCommands {
  /** Where its files are: configuration, attachments, sessions. */
  folder: string
  /** The login of PostgreSQL that it uses, which owns its databases. */
  role: string
  /** Ends what runs, and removes its databases and files. */
  close(): Promise<void>
}

/**
 * Prepares an Odoo beside a PostgreSQL, of which `serverUrl` names a superuser.
 * @param moreAddons folders with addons beside those of the repository.
 * @throws OdooUnavailable
 */
export async function createOdoo(serverUrl: string, { moreAddons = [] as string[] } = {}): Promise<Odoo> {
  const engine = await findEngine()
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-odoo-'))
  const role = `odoo_${randomBytes(4).toString('hex')}`
  const password = randomBytes(16).toString('hex')
  await withAdmin(serverUrl, client => client.query(`create role ${role} login createdb password '${password}'`))
  const settings = { engine, folder, serverUrl, role, password, cronThreads: 0, moreAddons }
  const commands = await prepareCommands(settings)
  const used = new Set<string>()
  return {
    ...commands,
    folder,
    role,
    run(database, command, args) {
      used.add(database)
      return commands.run(database, command, args)
    },
    async close() {
      await commands.stop()
      await withAdmin(serverUrl, async client => {
        // Copies that it made, and what an earlier one left under the same name when it was killed.
        const { rows } = await client.query<{ name: string }>(
          'select datname as name from pg_database where datdba = $1::regrole or datname = any ($2)',
          [role, [...used]]
        )
        for (const { name } of rows) await client.query(`drop database if exists "${name}" with (force)`)
        await client.query(`drop role if exists ${role}`)
      })
      await rm(folder, { recursive: true, force: true })
    }
  }
}
