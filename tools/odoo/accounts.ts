import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import type { OdooCommands } from './commands.ts'
import { runScript } from './script.ts'

/** People who try it out; in the words of docs/odoo.md, one of each role. */
const users = [
  { login: 'admin', group: 'sdmk_core.group_sdmk_admin', name: 'Administrator', lang: 'en_US' },
  { login: 'verifikator', group: 'sdmk_core.group_sdmk_verifier', name: 'Verifikator', lang: 'id_ID' },
  { login: 'auditor', group: 'sdmk_core.group_sdmk_auditor', name: 'Auditor', lang: 'en_US' }
] as const

const script = new URL('accounts.py', import.meta.url)

export interface OdooAccount {
  login: string
  password: string
  /** Language that it opens in. */
  lang: string
}

/** Passwords made once and kept in a file that its owner alone can read. */
export interface Passwords {
  /** Of Odoo's role in the database. */
  database: string
  /** By login. */
  users: Record<string, string>
}

/** Returns the passwords kept in a file, made where there are none. */
export async function keepPasswords(file: string): Promise<Passwords> {
  const kept = await readFile(file, 'utf8').catch(() => null)
  if (kept !== null) return JSON.parse(kept) as Passwords
  const made: Passwords = {
    database: randomBytes(24).toString('hex'),
    users: Object.fromEntries(users.map(({ login }) => [login, randomBytes(9).toString('base64url')]))
  }
  await writeFile(file, `${JSON.stringify(made)}\n`, { mode: 0o600 })
  return made
}

/** Makes the users, or gives them their passwords again. */
export async function makeAccounts(odoo: OdooCommands, database: string, passwords: Passwords): Promise<void> {
  const given = users.map(user => ({ ...user, password: passwords.users[user.login] }))
  await runScript(odoo, database, await readFile(script, 'utf8'), given)
}

/** Returns who can sign in, in the order of what they may do. */
export function accountsOf(passwords: Passwords): OdooAccount[] {
  return users.map(({ login, lang }) => ({ login, lang, password: passwords.users[login] ?? '' }))
}
