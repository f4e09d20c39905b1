import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { freePort } from '../../../tools/odoo/ports.ts'
import type { PrometheusPrograms } from '../../../tools/prometheus/install.ts'
import { type Connector, startConnector } from '../../e2e/helpers.ts'
import { type Service, serve } from '../../e2e/process.ts'
import { type Monitoring, startMonitoring } from './monitoring.ts'
import { startOdoo } from './odoo.ts'
import { type Slack, startSlack } from './slack.ts'

export interface World extends Connector {
  monitoring: Monitoring
  slack: Slack
  odoo: { isAway: boolean }
  fetcher: {
    /** Kills the process. */
    kill(): Promise<void>
    /** Starts it again where it was. */
    start(): Promise<void>
  }
}

/** A batch fails with its first page: the test is about the messages. */
const impatient = { KKI_RETRIES: '1', KKI_RETRY_BASE: '1', KKI_BREAKER_RESET: '1000' }

/**
 * Starts a simulated KKI, a stand-in for Odoo, the sidecar in this process and a second one with the role `fetch`, and what
 * watches over them. All of it ends with the test.
 */
export async function startWorld(t: TestContext, programs: PrometheusPrograms): Promise<World> {
  const slack = await startSlack(t)
  const odoo = await startOdoo(t)
  const env = {
    ...impatient,
    KKI_OVERLAP: '0',
    SDMK_ODOO_URL: odoo.url,
    SDMK_ODOO_DATABASE: 'odoo',
    SDMK_ODOO_TRANSPORT: 'json2',
    SDMK_ODOO_RETRY_MAX: '1'
  }
  const connector = await startConnector(t, { rows: 500, brokenShare: 0.05, behindSeconds: 600, env })
  const account = { login: 'sdmk-sidecar', apiKey: '0'.repeat(40) }
  assert.equal((await connector.call('PUT', '/v1/odoo/account', account)).status, 200)
  const sidecarUrl = new URL(await connector.app.listen({ host: '127.0.0.1', port: 0 }))

  const port = String(await freePort())
  let child: Service | undefined
  const fetcher = {
    async kill() {
      await child?.kill('SIGKILL')
    },
    async start() {
      child = await serve(t, {
        ...env,
        SDMK_PORT: port,
        SDMK_ROLES: 'fetch',
        SDMK_LOG_LEVEL: 'info',
        SDMK_DATABASE_URL: connector.app.database.pool.options.connectionString as string,
        SDMK_SECRETS_DIR: connector.secretsDir,
        KKI_BASE_URL: connector.simulator.url,
        KKI_SETTLE: '0'
      })
    }
  }
  await fetcher.start()
  const monitoring = await startMonitoring(t, {
    programs,
    services: { 'sdmk-service': sidecarUrl.host, 'etl-kki-service': `127.0.0.1:${port}` },
    webhook: slack.url
  })
  return {
    ...connector,
    monitoring,
    slack,
    odoo,
    fetcher
  }
}
