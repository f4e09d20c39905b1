import fp from 'fastify-plugin'
import { Type } from 'typebox'
import { SdmkError } from '../errors.ts'

/** Resolves, with details to show, if the dependency works; rejects if not. */
export type HealthCheck = () => Promise<Record<string, string | number | boolean | null> | undefined>

export interface Health {
  /** Adds a check to `/readyz`. For each name the last registered check counts. */
  register(name: string, check: HealthCheck): void
}

declare module 'fastify' {
  interface FastifyInstance {
    health: Health
  }
}

const checkTimeoutMs = 2000

const CheckSchema = Type.Object(
  { status: Type.Enum(['ok', 'failed']), milliseconds: Type.Integer(), reason: Type.Optional(Type.String()) },
  { additionalProperties: true }
)
const ReadySchema = Type.Object({
  status: Type.Enum(['ok', 'failed']),
  checks: Type.Record(Type.String(), CheckSchema)
})

/** Decorates the app with `health` and answers `/livez` (this process alone) and `/readyz` (its dependencies). */
export default fp(
  async function healthPlugin(app) {
    const checks = new Map<string, HealthCheck>()
    app.decorate('health', { register: (name, check) => void checks.set(name, check) })

    app.get('/livez', {
      config: { rateLimit: false },
      schema: {
        tags: ['operations'],
        summary: 'Report whether the process runs',
        security: [],
        response: { 200: Type.Object({ status: Type.Literal('ok') }) }
      },
      handler: async () => ({ status: 'ok' as const })
    })
    app.get('/readyz', {
      config: { rateLimit: false },
      schema: {
        tags: ['operations'],
        summary: 'Report whether the process and its dependencies work',
        security: [],
        response: { 200: ReadySchema, 503: ReadySchema }
      },
      handler: async (request, reply) => {
        const results = await Promise.all([...checks].map(async ([name, check]) => [name, await run(check)] as const))
        const failed = results.filter(([, result]) => result.status === 'failed')
        if (failed.length > 0) request.log.warn({ failed: failed.map(([name]) => name) }, 'not ready')
        reply.code(failed.length > 0 ? 503 : 200)
        return { status: failed.length > 0 ? 'failed' : 'ok', checks: Object.fromEntries(results) }
      }
    })
  },
  { name: 'health', fastify: '5.x' }
)

async function run(check: HealthCheck) {
  const started = performance.now()
  const elapsed = () => Math.round(performance.now() - started)
  try {
    const details = await within(checkTimeoutMs, check())
    return { ...details, status: 'ok' as const, milliseconds: elapsed() }
  } catch (error) {
    // Messages of drivers can contain addresses and logins; our own do not.
    const reason = error instanceof SdmkError ? error.message : 'does not answer'
    return { status: 'failed' as const, milliseconds: elapsed(), reason }
  }
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('timeout')), milliseconds)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
