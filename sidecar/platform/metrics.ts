import fastifyMetrics from 'fastify-metrics'
import fp from 'fastify-plugin'

/**
 * Answers `/metrics` and decorates the app with `metrics`: own metrics are made from `app.metrics.client`, so that they
 * appear there. The registry is the process's; the app that was built last owns it.
 */
export default fp(
  async function metricsPlugin(app) {
    await app.register(fastifyMetrics.default, {
      // Our own route below: theirs cannot be left out of the rate limit and of the API's description.
      endpoint: null,
      clearRegisterOnInit: true,
      routeMetrics: { enabled: { histogram: true, summary: false }, routeBlacklist: ['/metrics', '/livez', '/readyz'] }
    })
    const { register } = app.metrics.client
    app.get('/metrics', { schema: { hide: true }, config: { rateLimit: false } }, async (_request, reply) =>
      reply.type(register.contentType).send(await register.metrics())
    )
  },
  { name: 'metrics', fastify: '5.x' }
)
