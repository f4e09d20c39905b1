import { readFileSync } from 'node:fs'

/** Returns a statement of `payloads/`, with each `@name.sql` replaced by the statement of that name. */
export function payloadSql(name: string): string {
  const text = readFileSync(new URL(`payloads/${name}`, import.meta.url), 'utf8')
  return text.replace(/@([a-z-]+\.sql)/g, (_, part: string) => `\n${payloadSql(part)}`)
}
