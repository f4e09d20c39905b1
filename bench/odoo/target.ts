import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { createJson2Transport } from '../../sidecar/odoo/json2.ts'
import type { Payload } from '../../sidecar/odoo/payloads.ts'
import { createSpanId, createTraceId, formatTraceparent } from '../../sidecar/platform/trace-context.ts'
import { runScript } from '../../tools/odoo/script.ts'
import { createOdoo, type Odoo } from '../../tools/odoo/server.ts'

export const database = 'sdmk_bench_odoo'
export const people = 'sdmk_health_worker'
export const registrations = 'sdmk_registration'
const makeKeys = `
service = env["res.users"].create({
    "name": "Sidecar", "login": "sidecar", "group_ids": [(6, 0, [env.ref("sdmk_core.group_sdmk_service").id])]
})
result = {
    name: env["res.users.apikeys"].with_user(user).sudo()._generate("rpc", "bench", None)
    for name, user in (("service", service), ("admin", env.ref("base.user_admin")))
}
env.cr.commit()
`
const moreAddons = [fileURLToPath(new URL('addons', import.meta.url))]

export interface Account {
  login: string
  apiKey: string
}

/** The Odoo that all ways write to, one after the other. */
export interface Target {
  odoo: Odoo
  url: string
  version: string
  /** The user with only the sidecar's rights. */
  service: Account
  /** The user that may write single records of the models. */
  admin: Account
  /** Superuser connection to Odoo's database. */
  client: pg.Client
  /** Removes people and registrations. */
  clear(): Promise<void>
  /** Resets the highest memory. */
  resetPeak(): Promise<void>
  /** Highest memory of Odoo's server, in MB. */
  peakMb(): Promise<number>
  close(): Promise<void>
}

/** Starts an Odoo with these addons on a PostgreSQL. @throws OdooUnavailable */
export async function startTarget(serverUrl: string, addons = 'sdmk_core'): Promise<Target> {
  const odoo = await createOdoo(serverUrl, { moreAddons })
  try {
    const { code, lines } = await odoo.run(database, 'server', ['-i', `${addons},sdmk_bench`])
    if (code !== 0) throw new Error(`Odoo cannot be installed:\n${lines.slice(-15).join('\n')}`)
    const keys = (await runScript(odoo, database, makeKeys, null)) as { service: string; admin: string }
    const url = await odoo.serve(database)
    const server = new URL(serverUrl)
    server.pathname = `/${database}`
    const client = new pg.Client({ connectionString: server.href })
    await client.connect()
    const [pid] = odoo.pids()
    const { version } = (await (await fetch(`${url}/web/version`)).json()) as { version: string }
    return {
      odoo,
      url,
      version,
      client,
      service: { login: 'sidecar', apiKey: keys.service },
      admin: { login: 'admin', apiKey: keys.admin },
      async clear() {
        await client.query(`truncate ${registrations}, ${people} cascade`)
      },
      resetPeak: () => writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => undefined),
      async peakMb() {
        const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
        return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024)
      },
      async close() {
        await client.end()
        await odoo.close()
      }
    }
  } catch (error) {
    await odoo.close()
    throw error
  }
}

/** Sends one payload as the relay does. */
export async function tell({ url, service }: Target, payload: Payload): Promise<void> {
  const transport = createJson2Transport({ baseUrl: url, database, ...service, timeoutMs: 60_000 })
  try {
    const signal = AbortSignal.timeout(60_000)
    const traceparent = formatTraceparent({ traceId: createTraceId(), spanId: createSpanId() })
    await transport.call({ ...payload, requestId: 'bench', traceparent, signal })
  } finally {
    await transport.close()
  }
}
