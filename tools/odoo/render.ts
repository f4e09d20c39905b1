import type { DeveloperOdoo } from './developer.ts'

/** Returns address and logins of an Odoo, for people. */
export function renderLogins({ accounts }: Pick<DeveloperOdoo, 'accounts'>, url: string): string {
  const logins = accounts.map(({ login, password, lang }) => `  ${login.padEnd(12)} ${password}  (${lang})`)
  return [`Odoo       ${url}`, ...logins].join('\n')
}
