import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type ApiKey, type Scope, useApiKey } from './api-key.ts'
import { Problem } from './problem.ts'

export interface Actor {
  /** The operator that the key speaks for, or the key's own name. */
  name: string
  keyId: number
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns a hook (`onRequest` or `preHandler`) that lets only keys with this scope pass and sets `request.actor`. */
    requireScope(scope: Scope): (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  }
  interface FastifyRequest {
    /** Who asks; `null` on routes that ask for no key, and where the request has none that is in use. */
    actor: Actor | null
  }
}

/** For how long a key that was looked up is trusted: a revoked one stops working within this. */
const cacheMs = 10_000

/**
 * Requests a minute that an address may make without a key that this process knows to be in use: whoever guesses keys
 * gets no further, and programs at the same address that have one are not held up.
 */
const strangerRequestsPerMinute = 60

/** Decorates the app with `requireScope`, over the bearer keys of `kki.api_key`; reads `app.database` when asked. */
export default fp(
  async function authPlugin(app) {
    /** By digest. As many as there are keys, since one that does not exist is not kept. */
    const known = new Map<string, { key: ApiKey; until: number }>()
    const countStranger = app.createRateLimit({
      max: strangerRequestsPerMinute,
      timeWindow: '1 minute',
      keyGenerator: request => request.ip
    })

    async function identify(request: FastifyRequest, reply: FastifyReply): Promise<ApiKey> {
      const text = /^Bearer (sdmk_[A-Za-z0-9_-]{43})$/i.exec(request.headers.authorization ?? '')?.[1]
      const digest = text === undefined ? '' : hash('sha256', text)
      const former = known.get(digest)
      if (former && former.until > Date.now()) return former.key
      if (!former) {
        const limit = await countStranger(request)
        if (!limit.isAllowed && limit.isExceeded) {
          reply.header('retry-after', limit.ttlInSeconds)
          throw new Problem('RATE_LIMITED', `More than ${limit.max} requests in a minute without a key that is in use.`)
        }
      }
      const key = text === undefined ? null : await useApiKey(app.database.pool, text)
      if (!key) {
        known.delete(digest)
        throw new Problem('UNAUTHORIZED', 'Send an API key that is in use as "Authorization: Bearer sdmk_…".')
      }
      known.set(digest, { key, until: Date.now() + cacheMs })
      return key
    }

    app.decorateRequest('actor', null)
    app.decorate('requireScope', (scope: Scope) => async (request: FastifyRequest, reply: FastifyReply) => {
      const key = await identify(request, reply)
      request.actor = { name: key.name, keyId: key.id }
      request.log = request.log.child({ key_id: key.id })
      if (!key.scopes.includes(scope)) throw new Problem('FORBIDDEN', `This key lacks the scope ${scope}.`)
      request.actor.name = delegated(request, key) ?? key.name
    })
  },
  { name: 'auth', fastify: '5.x', dependencies: ['protection'] }
)

function delegated(request: FastifyRequest, key: ApiKey): string | null {
  const header = request.headers['x-actor']
  if (header === undefined || !key.scopes.includes('actor:delegate')) return null
  if (typeof header === 'string' && /^[\x21-\x7e][\x20-\x7e]{0,199}$/.test(header)) return header
  throw new Problem('VALIDATION_FAILED', 'Not valid: /headers/x-actor', {
    errors: [{ field: '/headers/x-actor', message: 'must be a login of at most 200 ASCII characters' }]
  })
}
