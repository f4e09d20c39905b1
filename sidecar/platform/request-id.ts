import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C trace id, 32 hex digits: the caller's, or a new one. */
    traceId: string
  }
}

/** Returns the caller's `X-Request-ID` if it is fit for logs and headers, else a new one. */
export function requestId(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : randomUUID()
}

/** Returns a new W3C trace id. */
export function createTraceId(): string {
  return randomBytes(16).toString('hex')
}

/** Returns the trace id of a `traceparent` header, or `null` where it is missing or not valid. */
export function parseTraceparent(header: string | string[] | undefined): string | null {
  const match =
    typeof header === 'string' ? /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/.exec(header) : null
  const [, traceId = '', spanId = ''] = match ?? []
  // Version ff and all-zero ids are not valid. @see https://www.w3.org/TR/trace-context/
  if (!match || header?.slice(0, 2) === 'ff' || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return null
  return traceId
}

/** Gives each request its ids, in its log lines and in the answer's headers, and logs one line when it is answered. */
export default fp(
  async function requestIdPlugin(app) {
    app.decorateRequest('traceId', '')
    app.addHook('onRequest', async (request, reply) => {
      request.traceId = parseTraceparent(request.headers.traceparent) ?? createTraceId()
      request.log = request.log.child({ traceId: request.traceId })
      reply.log = request.log
      reply.header('x-request-id', request.id)
      reply.header('traceparent', `00-${request.traceId}-${randomBytes(8).toString('hex')}-01`)
    })
    app.addHook('onResponse', async (request, reply) => {
      // The route's pattern, not the address: an address is the caller's and may hold anything.
      const route = request.routeOptions.url ?? 'unknown'
      const fields = {
        method: request.method,
        route,
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime)
      }
      if (probes.has(route)) request.log.debug(fields, 'request answered')
      else request.log.info(fields, 'request answered')
    })
  },
  { name: 'request-id', fastify: '5.x' }
)

/** Asked for every few seconds by machines: their lines would bury the others. */
const probes = new Set(['/livez', '/readyz', '/metrics'])
