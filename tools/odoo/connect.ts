import { readFile } from 'node:fs/promises'
import type { DeveloperOdoo } from './developer.ts'
import { runScript } from './script.ts'

const script = new URL('connect.py', import.meta.url)

/**
 * Stores the sidecar's address and an API key in Odoo, and lets Odoo send the sidecar a key for its account, like an
 * administrator with _Renew key_. The sidecar must be running.
 */
export async function connectSidecar(
  odoo: Pick<DeveloperOdoo, 'shell' | 'database' | 'engine'>,
  { url, key }: { url: string; key: string }
): Promise<void> {
  const seen = new URL(url)
  if (seen.hostname === '127.0.0.1') seen.hostname = odoo.engine.host
  await runScript(odoo, odoo.database, await readFile(script, 'utf8'), { url: seen.origin, key })
}
