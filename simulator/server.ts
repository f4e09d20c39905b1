import { randomUUID } from 'node:crypto'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import { apiRoutes } from './api-routes.ts'
import { controlRoutes } from './control-routes.ts'
import type { Controls } from './controls.ts'
import { SimulatorInputError } from './errors.ts'
import { sendProblem } from './problems.ts'
import type { SimulatorState } from './state.ts'
import { routeOf } from './strike.ts'
import { tokenRoute } from './token-route.ts'

/** Large enough for a hundred thousand injected records. */
const BODY_LIMIT = 128 * 1024 * 1024

/** Returns the HTTP side of one simulator, not yet listening. */
export function createServer(state: SimulatorState, controls: Controls): FastifyInstance {
  const app = Fastify({
    logger: false,
    requestIdHeader: 'x-request-id',
    genReqId: () => randomUUID(),
    forceCloseConnections: true,
    bodyLimit: BODY_LIMIT,
    // Left on, it would take away the properties that only a later member of the union of faults allows.
    ajv: { customOptions: { removeAdditional: false } }
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body)))
  )
  app.decorateRequest('clockAheadMs', 0)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    reply.header('date', new Date(state.clock.now()).toUTCString())
    if (request.url.startsWith('/_')) return
    const { traceparent = null } = request.headers
    state.stats.see({ route: routeOf(request), requestId: request.id, traceparent: traceparent && String(traceparent) })
  })
  app.addHook('onSend', async (request, reply) => {
    if (!request.url.startsWith('/_')) state.stats.count(routeOf(request), reply.statusCode)
  })
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, 404, 'There is nothing at this address.'))
  app.setErrorHandler<FastifyError | SimulatorInputError>((error, _request, reply) => {
    const status = error instanceof SimulatorInputError ? 400 : (error.statusCode ?? 500)
    return sendProblem(reply, status, error.message)
  })
  app.register(tokenRoute, { state })
  app.register(apiRoutes, { state })
  app.register(controlRoutes, { controls })
  return app
}
