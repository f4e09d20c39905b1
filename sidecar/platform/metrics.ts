import { hash, timingSafeEqual } from 'node:crypto'
import fastifyMetrics from 'fastify-metrics'
import fp from 'fastify-plugin'
import { Problem } from './problem.ts'

export interface MetricsOptions {
  /** A computed answer serves all scrapes of this time; 0: only those that come while it is computed. */
  cacheSeconds: number
  /** The bearer key that a scrape must send; `null`: none. */
  key: string | null
}

/**
 * Answers `/metrics` and decorates the app with `metrics`: own metrics are made from `app.metrics.client`, so that they
 * appear there. The registry is the process's; the app that was built last owns it.
 */
export default fp<MetricsOptions>(
  async function metricsPlugin(app, { cacheSeconds, key }) {
    await app.register(fastifyMetrics.default, {
      // Our own route below: theirs cannot be left out of the rate limit and of the API's description.
      endpoint: null,
      clearRegisterOnInit: true,
      routeMetrics: { enabled: { histogram: true, summary: false }, routeBlacklist: ['/metrics', '/livez', '/readyz'] }
    })
    const { register } = app.metrics.client
    // Each computation queries the database, and this route has no rate limit.
    const read = shared(() => register.metrics(), cacheSeconds * 1000)
    app.get('/metrics', { schema: { hide: true }, config: { rateLimit: false } }, async (request, reply) => {
      if (key !== null && !isBearer(request.headers.authorization, key)) {
        throw new Problem('UNAUTHORIZED', 'Send the key of SDMK_METRICS_KEY_FILE as "Authorization: Bearer …".')
      }
      return reply.type(register.contentType).send(await read())
    })
  },
  { name: 'metrics', fastify: '5.x' }
)

/** Returns what gives all callers one result, for `forMs` after it was computed. A failure is not kept. */
function shared<T>(compute: () => Promise<T>, forMs: number): () => Promise<T> {
  let current: Promise<T> | undefined
  let until = Number.POSITIVE_INFINITY
  return () => {
    // By a clock that nobody sets.
    if (current !== undefined && performance.now() < until) return current
    const computed = compute()
    current = computed
    until = Number.POSITIVE_INFINITY
    computed.then(
      () => {
        until = performance.now() + forMs
      },
      () => {
        current = undefined
      }
    )
    return computed
  }
}

/** Compared by digests of one length, so that the time of an answer says nothing of the key. */
function isBearer(authorization: string | undefined, key: string): boolean {
  const sent = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
  return timingSafeEqual(hash('sha256', sent, 'buffer'), hash('sha256', key, 'buffer'))
}
