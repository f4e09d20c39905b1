import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import fp from 'fastify-plugin'
import packageJson from '../../package.json' with { type: 'json' }
import { ageHeader } from './read-database.ts'

/** Describes the routes that are registered after it: `/openapi.json`, and a page to read and try them at `/docs`. */
export default fp(
  async function openapiPlugin(app) {
    await app.register(swagger, {
      transform: ({ schema, url, route }) => ({
        schema: { ...withoutDefaulted(schema), ...(route.config?.readsStandby && { [standbyMark]: true }) },
        url
      }),
      transformObject: document => withHeaders((document as { openapiObject: OpenApi }).openapiObject),
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
          { name: 'rejections', description: 'Rejected rows' },
          { name: 'registry', description: 'Health workers and their registrations' },
          { name: 'privacy', description: 'Restriction and erasure of a person’s data' },
          { name: 'integration', description: 'Switch and settings' },
          { name: 'operations', description: 'Health and description of the service' }
        ],
        components: {
          securitySchemes: {
            bearer: { type: 'http', scheme: 'bearer', description: 'An API key: `sdmk_…`' },
            operator: {
              type: 'http',
              scheme: 'SDMK-Operator',
              description:
                'For a program whose key has the scope `actor:delegate`: a JWT that names the operator, signed with the key for this one request; docs/operate/odoo.md describes it'
            }
          }
        },
        security: [{ bearer: [] }, { operator: [] }]
      }
    })
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      // Without `upgrade-insecure-requests`, since the service listens on a plain HTTP port.
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

/** Carries the declaration of a route to its operation; the document does not have it. */
const standbyMark = 'x-reads-standby'

type OpenApi = ReturnType<FastifyInstance['swagger']> & { paths?: Record<string, Record<string, Operation>> }
interface Operation {
  responses: Record<string, object>
  [standbyMark]?: true
}

const requestIdHeader = {
  'x-request-id': {
    description: 'The caller’s `X-Request-ID`, or a new one; the log and the audit contain it',
    required: true,
    schema: { type: 'string' }
  }
}

const standbyHeader = {
  [ageHeader]: {
    description:
      'The answer is from a standby of the database, and its data is at most so many seconds old; an answer of the primary does not have it',
    schema: { type: 'integer', minimum: 0 }
  }
}

/** The headers of replies, described here once, instead of in each response of each route. */
function withHeaders(document: OpenApi): OpenApi {
  for (const item of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(item)) {
      const { [standbyMark]: readsStandby, responses } = operation
      delete operation[standbyMark]
      for (const [status, response] of Object.entries(responses)) {
        const headers = { ...requestIdHeader, ...(readsStandby && status === '200' && standbyHeader) }
        Object.assign(response, { headers })
      }
    }
  }
  return document
}

/** A parameter with a default is optional, although the handler always gets a value. */
function withoutDefaulted(schema: FastifySchema): FastifySchema {
  const query = schema?.querystring as { properties: Record<string, object>; required?: string[] } | undefined
  if (!query?.required) return schema
  const required = query.required.filter(name => !('default' in (query.properties[name] ?? {})))
  return { ...schema, querystring: { ...query, required } }
}
