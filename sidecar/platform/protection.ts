import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import underPressure from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { Problem } from './problem.ts'

export interface ProtectionOptions {
  /** Requests per minute for each API key; for each address where a route asks for none. */
  rateLimitPerMinute: number
}

/** Safe headers, a limit of requests per key, and a refusal while the process cannot keep up. */
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
      maxEventLoopDelay: 2000,
      retryAfter: 5,
      sampleInterval: 500,
      pressureHandler: async request => {
        // Health and metrics are needed most when the process is busy.
        if (request.routeOptions.config.rateLimit === false) return
        throw new Problem('UNAVAILABLE', 'The service is too busy at the moment. Try again in a few seconds.')
      }
    })
  },
  { name: 'protection', fastify: '5.x', dependencies: ['problems'] }
)
