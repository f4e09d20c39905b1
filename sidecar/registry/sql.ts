import { readFileSync } from 'node:fs'

/** Returns the text of an `.sql` file beside this module, such as `plan/report/03-ledger.sql`; read once, when the process starts. */
export function sql(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}
