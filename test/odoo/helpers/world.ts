import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, type TestContext } from 'node:test'
import pg from 'pg'
import type { Odoo } from '../../../tools/odoo/server.ts'
import { type Connector, type ConnectorOptions, startConnector } from '../../e2e/helpers.ts'
import { until } from '../../e2e/process.ts'
import { odooOrReason } from '../../helpers/odoo.ts'
import { serverUrl, urlOf } from '../../helpers/server.ts'
import { installAddons } from './installed.ts'
import { type OdooProxy, startProxy } from './proxy.ts'

/** A connector with an Odoo, and the proxy between them. */
export type RelayConnector = Connector & {
  proxy: OdooProxy
  /** For a process on the same database. */
  env: Record<string, string>
}

export interface World {
  database: string
  /** Odoo's own database. */
  theirs: pg.Pool
  account: { login: string; apiKey: string }
  /** Starts a connector whose Odoo, empty of records, is reached through a proxy; `apiKey` may be a wrong one. */
  connect(t: TestContext, transport: string, options?: ConnectorOptions & { apiKey?: string }): Promise<RelayConnector>
  /** Takes all records from Odoo. */
  empty(): Promise<void>
  /** Serves Odoo again after it was stopped. */
  serve(): Promise<void>
  close(): Promise<void>
}

/**
 * Returns an Odoo and its world for all tests of a file, and ends them after its last one; or why there can be none here:
 * then every test of the file is to be skipped, and nothing but `skip` may be used.
 */
export async function openWorld(): Promise<{ odoo: Odoo; world: World; skip: string | false }> {
  const { odoo, skip } = await odooOrReason()
  if (!odoo) return { skip } as Awaited<ReturnType<typeof openWorld>>
  let world: World | undefined
  after(async () => {
    await world?.close()
    await odoo.close()
  })
  world = await createWorld(odoo)
  return { odoo, world, skip }
}

/** Installs the addons into a separate database, and serves it. */
async function createWorld(odoo: Odoo): Promise<World> {
  const database = `sdmk_odoo_relay_${randomBytes(4).toString('hex')}`
  await installAddons(odoo, database)
  const { lines } = await odoo.shell(
    database,
    `user = env.ref('sdmk_integration_manager.user_sdmk_service')
print('KEY', env['res.users.apikeys'].with_user(user).sudo()._generate('rpc', 'sidecar', None))
env.cr.commit()
`
  )
  const account = { login: 'sdmk-sidecar', apiKey: lines.find(line => line.startsWith('KEY '))?.slice(4) ?? '' }
  assert.match(account.apiKey, /^[0-9a-f]{40}$/, lines.join('\n'))
  const url = await odoo.serve(database)
  const theirs = new pg.Pool({ connectionString: urlOf(await serverUrl(), database), max: 2 })
  // Its database is dropped under it at the end.
  theirs.on('error', () => {})
  const empty = async () => {
    await theirs.query(
      'truncate sdmk_registration, sdmk_health_worker, sdmk_rejection, sdmk_batch, sdmk_audit_head cascade'
    )
    await theirs.query('update sdmk_integration set version = 0')
  }
  return {
    database,
    theirs,
    account,
    empty,
    async connect(t, transport, { apiKey = account.apiKey, ...options } = {}) {
      await empty()
      const proxy = await startProxy(url)
      t.after(() => proxy.close())
      const env = {
        SDMK_ODOO_URL: proxy.url,
        SDMK_ODOO_DATABASE: database,
        SDMK_ODOO_TRANSPORT: transport,
        SDMK_ODOO_RETRY_MAX: '1',
        ...options.env
      }
      const connector = await startConnector(t, { ...options, env })
      const handed = await connector.call('PUT', '/v1/odoo/account', { ...account, apiKey })
      assert.equal(handed.status, 200, JSON.stringify(handed.body))
      const sameDatabase = {
        SDMK_DATABASE_URL: connector.app.database.pool.options.connectionString as string,
        SDMK_SECRETS_DIR: connector.secretsDir
      }
      return { ...connector, proxy, env: { ...env, ...sameDatabase } }
    },
    serve: async () => void (await odoo.serve(database, Number(new URL(url).port))),
    close: () => theirs.end()
  }
}

/** Makes all calls that were made twice more, in any order and four at a time. */
export async function repeatAll(proxy: OdooProxy): Promise<void> {
  const calls = proxy.calls.slice()
  const again = [...calls, ...calls].sort(() => Math.random() - 0.5).values()
  const work = async () => {
    for (const call of again) assert.ok(await proxy.repeat(call), `Odoo denies ${call.path}`)
  }
  await Promise.all(Array.from({ length: 4 }, work))
}

/** Waits until nothing is left that Odoo does not know, how far the audit is chained included. */
export async function drained(pool: pg.Pool, timeoutMs = 300_000): Promise<void> {
  const isChained = async () => (await pool.query('select from kki.audit_unchained limit 1')).rows.length === 0
  await until('Odoo knows all', async () => (await isChained()) && (await pending(pool)) === 0, timeoutMs)
}

/** Returns the number of jobs that have not reached Odoo. */
export async function pending(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(
    `select count(*)::int as jobs from pgboss.job where name like 'odoo-%' and state < 'completed'`
  )
  return rows[0].jobs
}
