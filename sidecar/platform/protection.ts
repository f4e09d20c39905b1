import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import underPressure from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { Problem } from './problem.ts'

export interface ProtectionOptions {
  /** Requests per minute for each API key; for each address on routes without a key. */
  rateLimitPerMinute: number
}

const checkIntervalMs = 500
/** If a check runs this late after the previous one, the event loop was blocked. */
const stalledMs = 2000
/** One long delay is tolerated: a start, a large page or a busy machine. After two in a row, requests pile up. */
const stalledChecks = 2
const retryAfterSeconds = 5

/** Security headers, a limit of requests per key, and a denial of requests while the process is overloaded. */
export default fp<ProtectionOptions>(
  async function protectionPlugin(app, options) {
    await app.register(helmet, {
      contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], upgradeInsecureRequests: null } }
    })
    await app.register(rateLimit, {
      max: options.rateLimitPerMinute,
      timeWindow: '1 minute',
      // After the key was read, which happens in onRequest.
      hook: 'preHandler',
      keyGenerator: request => (request.actor ? `key:${request.actor.keyId}` : `address:${request.ip}`),
      errorResponseBuilder: (_request, { max, after }) =>
        new Problem('RATE_LIMITED', `More than ${max} requests in a minute. Try again in ${after}.`)
    })
    await app.register(underPressure, {
      healthCheck: createStallCheck(),
      healthCheckInterval: checkIntervalMs,
      pressureHandler: async (request, reply) => {
        // Health and metrics are needed most when the process is busy.
        if (request.routeOptions.config.rateLimit === false) return
        reply.header('retry-after', retryAfterSeconds)
        throw new Problem('UNAVAILABLE', 'The service is too busy at the moment. Try again in a few seconds.')
      }
    })
  },
  { name: 'protection', fastify: '5.x', dependencies: ['problems'] }
)

/**
 * Returns a check whether the event loop keeps up.
 *
 * The library's `maxEventLoopDelay` is not used. Its histogram is empty if the event loop does not turn for half a second,
 * and it reads that as an infinite delay: a process that had just started on a busy machine denied its first requests.
 */
function createStallCheck(): () => Promise<boolean> {
  let lastCheck = performance.now()
  let stalls = 0
  return async () => {
    const now = performance.now()
    stalls = now - lastCheck > stalledMs ? stalls + 1 : 0
    lastCheck = now
    return stalls < stalledChecks
  }
}
