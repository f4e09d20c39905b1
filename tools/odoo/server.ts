import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type OdooCommands, prepareCommands } from './commands.ts'
import { withAdmin } from './database.ts'
import { findEngine } from './engine.ts'

export type { OdooOutput } from './commands.ts'

export const addons = ['sdmk_core', 'sdmk_integration_manager', 'sdmk_integration_kki'] as const

/** A temporary Odoo with the addons of this repository, on an existing PostgreSQL. */
export interface Odoo extends OdooCommands {
  /** The folder of its files: configuration, attachments, sessions. */
  folder: string
  /** The login of PostgreSQL that it uses, which owns its databases. */
  role: string
  /** Stops its commands, and removes its databases and files. */
  close(): Promise<void>
}

/**
 * Prepares an Odoo with the PostgreSQL of which `serverUrl` names a superuser.
 * @param moreAddons folders with addons in addition to those of the repository.
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
        // Its databases, and those that a killed predecessor left under the same name.
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
