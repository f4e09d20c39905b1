import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import type { OdooCommands } from './commands.ts'
import { runScript } from './script.ts'

/** Users for trying it out, one for each role of docs/operate/odoo.md. */
const users = [
  { login: 'admin', group: 'sdmk_core.group_sdmk_admin', name: 'Administrator', lang: 'en_US' },
  { login: 'verifikator', group: 'sdmk_core.group_sdmk_verifier', name: 'Verifikator', lang: 'id_ID' },
  { login: 'auditor', group: 'sdmk_core.group_sdmk_auditor', name: 'Auditor', lang: 'en_US' }
] as const

const script = new URL('accounts.py', import.meta.url)

export interface OdooAccount {
  login: string
  password: string
  /** Language of the user. */
  lang: string
}

/** Passwords that are created once and stored in a file that only its owner can read. */
export interface Passwords {
  /** Password of Odoo's role in the database. */
  database: string
  /** By login. */
  users: Record<string, string>
}

/** Returns the passwords from a file, which is created if it is missing. */
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

/** Creates the users, or resets their passwords. */
export async function makeAccounts(odoo: OdooCommands, database: string, passwords: Passwords): Promise<void> {
  const given = users.map(user => ({ ...user, password: passwords.users[user.login] }))
  await runScript(odoo, database, await readFile(script, 'utf8'), given)
}

/** Returns the users that can log in, in the order of their rights. */
export function accountsOf(passwords: Passwords): OdooAccount[] {
  return users.map(({ login, lang }) => ({ login, lang, password: passwords.users[login] ?? '' }))
}
