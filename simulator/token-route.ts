import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { sendProblem } from './problems.ts'
import type { SimulatorState } from './state.ts'
import { copyHeaders, routeOf, strikeBefore } from './strike.ts'

/** The token endpoint, for descriptions with a token request. */
export const tokenRoute: FastifyPluginAsync<{ state: SimulatorState }> = async (app, { state }) => {
  const { authentication } = state.shape.description
  if (authentication.type === 'oauth2') await oauthRoute(app, state, authentication.path)
  if (authentication.type === 'session') await loginRoute(app, state, authentication.path)
}

/** oidc-provider checks the request and writes the reply itself. */
async function oauthRoute(app: FastifyInstance, state: SimulatorState, path: string): Promise<void> {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.post<{ Body: string | undefined }>(path, { onRequest: strikeBefore(state, 'token') }, async (request, reply) => {
    reply.hijack()
    copyHeaders(reply)
    const { searchParams } = new URL(request.url, 'http://simulator')
    await state.authentication.tokens?.handle(request.raw, searchParams, request.body ?? '', reply.raw)
    state.stats.count(routeOf(request), reply.raw.statusCode)
  })
}

async function loginRoute(app: FastifyInstance, state: SimulatorState, path: string): Promise<void> {
  app.post(path, { onRequest: strikeBefore(state, 'token') }, async (request, reply) => {
    const answer = state.authentication.login?.(request.body) ?? null
    return answer === null
      ? sendProblem(reply, 401, 'The name or the password is wrong.')
      : reply.type('application/json').send(JSON.stringify(answer))
  })
}
