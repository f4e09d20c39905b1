import { readFileSync } from 'node:fs'

/**
 * Returns the text of an `.sql` file of this folder, such as `plan/report/03-ledger.sql`; read once, at the start of
 * the process.
 */
export function sql(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}
