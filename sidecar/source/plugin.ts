import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'
import { answerCheck } from './check/answer-check.ts'
import { createKkiClient } from './client.ts'
import type { SourceDescription } from './description.ts'
import { loadModule } from './module.ts'
import type { KkiObserver } from './options.ts'
import { withTokenLock } from './token-lock.ts'
import type { KkiClient } from './types.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Defined if the process has the role `fetch`. */
    kki: KkiClient
  }
}

export interface KkiPluginOptions {
  config: Config
  description: SourceDescription
  secrets: VersionedSecretStore
}

/** Decorates the app with `kki`, one client for the KKI API with its metrics; closed with the app. */
export default fp<KkiPluginOptions>(
  async function kkiPlugin(app, { config, description, secrets }) {
    const { kki } = config
    if (kki.pageSize !== null && description.limits.pageSize === undefined) {
      throw new ConfigurationError('KKI_PAGE_SIZE', 'has no effect: the description of the source has no {pageSize}')
    }
    const module = await loadModule(description.module)
    const client = createKkiClient({
      description,
      module,
      baseUrl: kki.baseUrl as string,
      secrets,
      // One refresh for all processes, because refresh tokens are single-use.
      withTokenLock: work => withTokenLock(app.database, work),
      logger: app.log,
      observer: createObserver(app),
      connectTimeoutMs: kki.connectTimeoutMs,
      headersTimeoutMs: kki.headersTimeoutMs,
      bodyTimeoutMs: kki.bodyTimeoutMs,
      pageTimeoutMs: kki.pageTimeoutMs,
      maxBodyBytes: kki.maxBodyBytes,
      retries: kki.retries,
      retryBaseMs: kki.retryBaseMs,
      clockToleranceMs: kki.clockToleranceSeconds * 1000,
      breaker: { volumeThreshold: 5, windowMs: 60_000, errorThresholdPercentage: 50, resetMs: kki.breakerResetMs }
    })
    app.decorate('kki', client)
    // Informational only: without KKI the sidecar still answers, and its work waits in the queue.
    app.health.register('kki', async () => ({ breaker: breakerWords[client.breakerState] }))
    app.addHook('onClose', async () => client.close())
    // Only the role `fetch` has the credentials; other processes send their question to it.
    await app.queue.answer('source-check', () => answerCheck({ config, description, module, secrets }))
  },
  { name: 'kki', fastify: '5.x', dependencies: ['database', 'queue', 'metrics', 'health'] }
)

const breakerWords = ['closed', 'half-open', 'open'] as const
const statuses = [
  '200',
  '400',
  '401',
  '403',
  '404',
  '408',
  '429',
  '500',
  '502',
  '503',
  '504',
  'error',
  'timeout',
  'aborted'
]

function createObserver(app: FastifyInstance): KkiObserver {
  const { client } = app.metrics
  const requests = new client.Counter({
    name: 'sdmk_kki_requests_total',
    help: 'List requests to KKI, by HTTP status or kind of failure',
    labelNames: ['status']
  })
  for (const status of statuses) requests.inc({ status }, 0)
  const duration = new client.Histogram({
    name: 'sdmk_kki_request_duration_seconds',
    help: 'Time from a list request to the last byte of its answer',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
  })
  const retries = new client.Counter({
    name: 'sdmk_kki_retries_total',
    help: 'List requests that repeated a failed one'
  })
  const refreshes = new client.Counter({
    name: 'sdmk_kki_token_refresh_total',
    help: 'Requests for an access token, by result',
    labelNames: ['result']
  })
  for (const result of ['ok', 'denied', 'failed']) refreshes.inc({ result }, 0)
  const expires = new client.Gauge({
    name: 'sdmk_kki_token_expires_timestamp_seconds',
    help: 'Time at which the present access token expires'
  })
  const breaker = new client.Gauge({ name: 'sdmk_kki_breaker_state', help: '0 closed, 1 half-open, 2 open' })
  return {
    onRequest({ status, seconds }) {
      requests.inc({ status })
      duration.observe(seconds)
    },
    onRetry: () => retries.inc(),
    onTokenRefresh: result => refreshes.inc({ result }),
    onTokenExpires: epochSeconds => expires.set(epochSeconds),
    onBreakerState: state => breaker.set(state)
  }
}
