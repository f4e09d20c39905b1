import { hash, timingSafeEqual } from 'node:crypto'
import fastifyMetrics from 'fastify-metrics'
import fp from 'fastify-plugin'
import { Problem } from './problem.ts'

export interface MetricsOptions {
  /** How long a computed answer is reused; with 0 only scrapes share it that arrive during the computation. */
  cacheSeconds: number
  /** The bearer key that a scrape must send; `null`: none. */
  key: string | null
}

/**
 * Answers `/metrics` and decorates the app with `metrics`. Create metrics from `app.metrics.client`, so that they appear
 * there. There is one registry per process, which belongs to the app that was built last.
 */
export default fp<MetricsOptions>(
  async function metricsPlugin(app, { cacheSeconds, key }) {
    await app.register(fastifyMetrics.default, {
      // We have our own route, because theirs cannot be excluded from the rate limit and from the OpenAPI document.
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

/** Returns a function that gives all callers one result for `forMs` after its computation. A failure is not cached. */
function shared<T>(compute: () => Promise<T>, forMs: number): () => Promise<T> {
  let current: Promise<T> | undefined
  let until = Number.POSITIVE_INFINITY
  return () => {
    // A monotonic clock.
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

/** Compared by digests of equal length, so that the response time reveals nothing about the key. */
function isBearer(authorization: string | undefined, key: string): boolean {
  const sent = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
  return timingSafeEqual(hash('sha256', sent, 'buffer'), hash('sha256', key, 'buffer'))
}
