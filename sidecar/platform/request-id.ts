import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { holdsIdentityNumber } from './identity-number.ts'
import { formatTraceparent, parseTraceparent } from './trace-context.ts'
import { Span } from './tracing.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C trace id, 32 hex digits: the caller's, or a new one. */
    traceId: string
    /** The span of the request, in which all its work runs. */
    span: Span
  }
}

/** A UUID may contain sixteen digits in a row by chance. */
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** Returns the caller's `X-Request-ID` if it is safe for logs and headers, else a new one. */
export function requestId(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id']
  if (typeof given !== 'string' || !/^[A-Za-z0-9._-]{1,128}$/.test(given)) return randomUUID()
  return !uuid.test(given) && holdsIdentityNumber(given) ? randomUUID() : given
}

/** Adds ids to each request, its log lines and the answer's headers, and logs one line per answer. */
export default fp(
  async function requestIdPlugin(app) {
    app.decorateRequest('traceId', '')
    app.decorateRequest('span')
    app.addHook('onRequest', (request, reply, done) => {
      // The route's pattern and not the URL: the caller chooses the URL, which may contain anything.
      const route = request.routeOptions.url ?? 'unknown'
      const caller = parseTraceparent(request.headers.traceparent)
      request.span = new Span(`${request.method} ${route}`, {
        ids: { request_id: request.id, ...(caller && { trace_id: caller.traceId }) },
        kind: 'server',
        attributes: { 'http.request.method': request.method, 'http.route': route },
        from: caller,
        isRecorded: !probes.has(route)
      })
      request.traceId = request.span.ids.trace_id
      reply.header('x-request-id', request.id)
      reply.header('traceparent', formatTraceparent(request.span.context))
      request.span.run(done)
    })
    // Body events come from the connection, outside the request's async context.
    app.addHook('preValidation', (request, _reply, done) => request.span.run(done))
    app.addHook('onResponse', async (request, reply) => {
      const { span } = request
      const route = request.routeOptions.url ?? 'unknown'
      const fields = {
        method: request.method,
        route,
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime)
      }
      span.run(() => {
        if (probes.has(route)) request.log.debug(fields, 'request answered')
        else request.log.info(fields, 'request answered')
      })
      span.set({ 'http.response.status_code': reply.statusCode })
      if (reply.statusCode >= 500) span.fail({ code: String(reply.statusCode) })
      span.end()
    })
  },
  { name: 'request-id', fastify: '5.x' }
)

/** Routes that machines call every few seconds: their lines and spans would bury the others. */
const probes = new Set(['/livez', '/readyz', '/metrics'])
