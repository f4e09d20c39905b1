import { hash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type ApiKey, findApiKey, type Scope } from './api-key.ts'
import { Problem } from './problem.ts'

export interface Actor {
  /** The operator that the key speaks for, or the key's own name. */
  name: string
  keyId: number
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns a hook (`onRequest` or `preHandler`) that lets only keys with this scope pass and sets `request.actor`. */
    requireScope(scope: Scope): (request: FastifyRequest) => Promise<void>
  }
  interface FastifyRequest {
    /** Who asks; `null` on routes that ask for no key. */
    actor: Actor | null
  }
}

/** For how long a key that was looked up is trusted: a revoked one stops working within this. */
const cacheMs = 10_000
const cacheEntries = 1000

/** Decorates the app with `requireScope`, over the bearer keys of `kki.api_key`; reads `app.database` when asked. */
export default fp(
  async function authPlugin(app) {
    const cache = new Map<string, { key: ApiKey | null; until: number }>()

    async function lookUp(text: string): Promise<ApiKey | null> {
      const digest = hash('sha256', text)
      const known = cache.get(digest)
      if (known && known.until > Date.now()) return known.key
      const key = await findApiKey(app.database.pool, text)
      // Bounded, since anybody can send keys that do not exist.
      if (cache.size >= cacheEntries) cache.clear()
      cache.set(digest, { key, until: Date.now() + cacheMs })
      return key
    }

    app.decorateRequest('actor', null)
    app.decorate('requireScope', (scope: Scope) => async (request: FastifyRequest) => {
      const text = /^Bearer (sdmk_[A-Za-z0-9_-]{43})$/i.exec(request.headers.authorization ?? '')?.[1]
      const key = text ? await lookUp(text) : null
      if (!key) throw new Problem('UNAUTHORIZED', 'Send an API key that is in use as "Authorization: Bearer sdmk_…".')
      if (!key.scopes.includes(scope)) throw new Problem('FORBIDDEN', `This key lacks the scope ${scope}.`)
      request.actor = { name: delegated(request, key) ?? key.name, keyId: key.id }
      request.log = request.log.child({ key_id: key.id })
    })
  },
  { name: 'auth', fastify: '5.x', dependencies: ['problems'] }
)

function delegated(request: FastifyRequest, key: ApiKey): string | null {
  const header = request.headers['x-actor']
  if (header === undefined || !key.scopes.includes('actor:delegate')) return null
  if (typeof header === 'string' && /^[\x21-\x7e][\x20-\x7e]{0,199}$/.test(header)) return header
  throw new Problem('VALIDATION_FAILED', 'Not valid: /headers/x-actor', {
    errors: [{ field: '/headers/x-actor', message: 'must be a login of at most 200 ASCII characters' }]
  })
}
