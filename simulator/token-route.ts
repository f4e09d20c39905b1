import type { FastifyPluginAsync } from 'fastify'
import type { SimulatorState } from './state.ts'
import { copyHeaders, routeOf, strikeBefore } from './strike.ts'

/** The token endpoint; oidc-provider reads the request and writes the reply itself. */
export const tokenRoute: FastifyPluginAsync<{ state: SimulatorState }> = async (app, { state }) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.post('/oauth2/token', { onRequest: strikeBefore(state, 'token') }, async (request, reply) => {
    reply.hijack()
    copyHeaders(reply)
    await state.tokens.handle(request.raw, reply.raw)
    state.stats.count(routeOf(request), reply.raw.statusCode)
  })
}
