import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import packageJson from '../../package.json' with { type: 'json' }

/** Describes the routes that are registered after it: `/openapi.json`, and a page to read and try them at `/docs`. */
export default fp(
  async function openapiPlugin(app) {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'HealthForce KKI connector',
          version: packageJson.version,
          description: `${packageJson.description}. Errors are RFC 9457 problems with a stable \`code\`.`,
          license: { name: packageJson.license, identifier: packageJson.license }
        },
        servers: [],
        tags: [
          { name: 'runs', description: 'Runs, their batches, and the decisions on them' },
          { name: 'rejections', description: 'Rows that were refused' },
          { name: 'registry', description: 'Health workers and their registrations' },
          { name: 'integration', description: 'Switch and settings' },
          { name: 'operations', description: 'Health and description of the service' }
        ],
        components: {
          securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'An API key: `sdmk_…`' } }
        },
        security: [{ bearer: [] }]
      }
    })
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      // Without the order to upgrade to HTTPS, which a service on a plain port cannot follow.
      staticCSP: {
        'default-src': "'self'",
        'script-src': "'self'",
        'style-src': ["'self'", "'unsafe-inline'"],
        'img-src': ["'self'", 'data:'],
        'object-src': "'none'",
        'frame-ancestors': "'none'"
      },
      uiConfig: { persistAuthorization: false, displayRequestDuration: true }
    })
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  },
  { name: 'openapi', fastify: '5.x' }
)
