import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { createApiKey } from '../../../sidecar/platform/api-key.ts'
import { scopes } from '../../../sidecar/platform/scopes.ts'
import type { Odoo } from '../../../tools/odoo/server.ts'
import { type Connector, type ConnectorOptions, startConnector } from '../../e2e/helpers.ts'
import { installAddons } from './installed.ts'

const admin = 'sdmk_core.group_sdmk_admin'
/** People who work in Odoo, by their role, and one of them in each language. */
export const operators = {
  admin: { login: 'rina', name: 'Rina Rekaan', lang: 'en_US', group: admin },
  adminInIndonesian: { login: 'budi', name: 'Budi Rekaan', lang: 'id_ID', group: admin },
  verifier: { login: 'dewi', name: 'Dewi Rekaan', lang: 'en_US', group: 'sdmk_core.group_sdmk_verifier' },
  verifierInIndonesian: {
    login: 'wati',
    name: 'Wati Rekaan',
    lang: 'id_ID',
    group: 'sdmk_core.group_sdmk_verifier'
  },
  auditor: { login: 'agus', name: 'Agus Rekaan', lang: 'en_US', group: 'sdmk_core.group_sdmk_auditor' },
  officer: {
    login: 'citra',
    name: 'Citra Rekaan',
    lang: 'id_ID',
    group: 'sdmk_core.group_sdmk_data_protection_officer'
  }
} as const
export type Operator = keyof typeof operators

/** An address that Odoo may call, but that no server listens on. */
export const nobody = 'http://127.0.0.1:9'

/** An Odoo for operators and a sidecar, which can call each other. */
export interface Operations {
  odooUrl: string
  database: string
  /** The same for all operators. */
  password: string
  connector: Connector
  /** The key that Odoo signs with. */
  key: string
  /** Waits until Odoo has all changes. */
  settle(): Promise<void>
}

/** Installs the addons with both languages, and connects them with a sidecar and a KKI of the test's own. */
export async function startOperations(
  t: TestContext,
  odoo: Odoo,
  { database, ...options }: ConnectorOptions & { database: string }
): Promise<Operations> {
  await installAddons(odoo, database)
  const odooUrl = await odoo.serve(database)
  const connector = await startConnector(t, {
    ...options,
    env: { SDMK_ODOO_URL: odooUrl, SDMK_ODOO_DATABASE: database, ...options.env }
  })
  await connector.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = connector.app.server.address() as AddressInfo
  const { key } = await createApiKey(connector.pool, 'odoo', [...scopes])
  const password = randomBytes(12).toString('base64url')
  await connect(odoo, database, { url: `http://127.0.0.1:${port}`, key, password })
  return {
    odooUrl,
    database,
    password,
    connector,
    key,
    settle: () => settle(connector)
  }
}

/** Creates the operators, and enters the sidecar's address in Odoo. Odoo then sends the sidecar its account. */
async function connect(
  odoo: Odoo,
  database: string,
  { url, key, password }: Record<'url' | 'key' | 'password', string>
) {
  const people = JSON.stringify(Object.values(operators))
  const { code, lines } = await odoo.shell(
    database,
    `
for person in ${people}:
    env['res.users'].create({'name': person['name'], 'login': person['login'], 'password': '${password}', 'tz': 'Asia/Jakarta', 'lang': person['lang'],
        'group_ids': [(6, 0, [env.ref(person['group']).id])]})
env['sdmk.sidecar']._connect('${url}', '${key}')
env['ir.config_parameter'].set_param('sdmk.sidecar.allowed_urls', '${url} ${nobody}')
env['sdmk.integration']._renew_key()
env.cr.commit()
print('CONNECTED')
`
  )
  assert.ok(code === 0 && lines.includes('CONNECTED'), lines.slice(-30).join('\n'))
}

const settleMs = 300_000

async function settle({ pool }: Connector): Promise<void> {
  const until = Date.now() + settleMs
  while (Date.now() < until) {
    const { rows } = await pool.query(
      `select from pgboss.job where name in ('odoo-state', 'odoo-people') and state < 'completed' limit 1`
    )
    if (rows.length === 0) return
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  assert.fail('Odoo did not get all changes in time')
}
