import { createHash, hash } from 'node:crypto'
import { pipeline, Transform } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type ApiKey, useApiKey, useSigningKey } from './api-key.ts'
import { checkBody, digestBody, type Operator, readSigned, rememberedSeconds, verifySigned } from './operator.ts'
import { escapeUnprintable } from './printable-text.ts'
import { Problem } from './problem.ts'
import { type Role, roleAllows } from './roles.ts'
import type { Scope } from './scopes.ts'

export interface Actor {
  /** The operator that the request was signed for, or the key's name. */
  name: string
  keyId: number
  /** The operator's role; null if no operator is named. */
  role: Role | null
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns a hook (`onRequest` or `preHandler`) that accepts only keys with these scopes and sets `request.actor`. */
    requireScope(...scopes: Scope[]): (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  }
  interface FastifyRequest {
    /** The caller; `null` on routes without a key, and for requests without a valid key. */
    actor: Actor | null
    /** The signed claims about the operator, and the digest of the received body; null for requests without an operator. */
    signed: { operator: Operator; bodyDigest: string } | null
  }
}

/** How long a key is cached after a lookup: a revoked key stops working within this time. */
const cacheMs = 10_000

/**
 * Requests per minute of an address whose key is not cached as valid. It limits guessing of keys, and does not slow down
 * programs with a valid key at the same address.
 */
const unknownKeyRequestsPerMinute = 60

/** Decorates the app with `requireScope`, over the bearer keys of `kki.api_key`; it reads `app.database` at each request. */
export default fp(
  async function authPlugin(app) {
    /** By digest. At most as many as there are keys, since unknown keys are not cached. */
    const known = new Map<string, { key: ApiKey; until: number }>()
    const countUnknownKey = app.createRateLimit({
      max: unknownKeyRequestsPerMinute,
      timeWindow: '1 minute',
      keyGenerator: request => request.ip
    })

    /** Returns the cached valid key, or looks it up. */
    async function lookUp(
      request: FastifyRequest,
      reply: FastifyReply,
      name: string,
      find: () => Promise<ApiKey | null>
    ): Promise<ApiKey> {
      const former = known.get(name)
      if (former && former.until > Date.now()) return former.key
      if (!former) {
        const limit = await countUnknownKey(request)
        if (!limit.isAllowed && limit.isExceeded) {
          reply.header('retry-after', limit.ttlInSeconds)
          throw new Problem('RATE_LIMITED', `More than ${limit.max} requests in a minute without a valid key.`)
        }
      }
      const key = await find()
      if (!key) {
        known.delete(name)
        throw new Problem('UNAUTHORIZED', 'Send a valid API key as "Authorization: Bearer sdmk_…".')
      }
      known.set(name, { key, until: Date.now() + cacheMs })
      return key
    }

    async function identify(request: FastifyRequest, reply: FastifyReply): Promise<ApiKey> {
      const { authorization } = request.headers
      const signed = readSigned(authorization)
      if (signed) {
        const { publicKey } = signed
        const name = publicKey.toString('base64url')
        const key = await lookUp(request, reply, name, () => useSigningKey(app.database.pool, publicKey))
        const { method, url = '' } = request.raw
        const operator = await verifySigned(signed, { method: method as string, url })
        request.signed = { operator, bodyDigest: digestBody('') }
        request.actor = { name: operator.sub, keyId: key.id, role: operator.role }
        return key
      }
      const text = /^Bearer (sdmk_[A-Za-z0-9_-]{43})$/i.exec(authorization ?? '')?.[1]
      const find = async () => (text === undefined ? null : useApiKey(app.database.pool, text))
      const key = await lookUp(request, reply, text === undefined ? '' : hash('sha256', text), find)
      // The key may be older than the rule for names.
      request.actor = { name: escapeUnprintable(key.name), keyId: key.id, role: null }
      return key
    }

    /** Only writes must be unique. A repeated read shows nothing that its first answer did not show. */
    async function useOnce({ jti, htm }: Operator) {
      if (htm === 'GET' || htm === 'HEAD') return
      const { rowCount } = await app.database.pool.query(
        `with gone as (delete from kki.signed_request where remembered_until < now())
        insert into kki.signed_request (id, remembered_until) values ($1::uuid, now() + make_interval(secs => $2::int))
        on conflict do nothing`,
        [jti, rememberedSeconds]
      )
      if (rowCount === 0) throw new Problem('UNAUTHORIZED', 'This signed request was carried out before.')
    }

    app.decorateRequest('actor', null)
    app.decorateRequest('signed', null)
    app.decorate('requireScope', (...scopes: Scope[]) => async (request: FastifyRequest, reply: FastifyReply) => {
      const key = await identify(request, reply)
      request.log = request.log.child({ key_id: key.id })
      // An ignored header would make its sender believe that it works.
      if (request.headers['x-actor'] !== undefined) {
        throw new Problem('FORBIDDEN', 'X-Actor is not supported: sign the request for the operator.')
      }
      for (const scope of scopes) {
        if (!key.scopes.includes(scope)) throw new Problem('FORBIDDEN', `This key lacks the scope ${scope}.`)
      }
      if (!request.signed) return
      const { operator } = request.signed
      if (!key.scopes.includes('actor:delegate')) throw new Problem('FORBIDDEN', 'This key may not act for operators.')
      for (const scope of scopes) {
        if (!roleAllows(operator.role, scope)) {
          throw new Problem('FORBIDDEN', `An operator with the role ${operator.role} may not use the scope ${scope}.`)
        }
      }
      await useOnce(operator)
    })

    app.addHook('preParsing', async ({ signed }, _reply, payload) => {
      if (!signed) return payload
      const digest = createHash('sha256')
      const digesting = new Transform({
        transform(chunk, _encoding, done) {
          digest.update(chunk)
          done(null, chunk)
        },
        flush(done) {
          signed.bodyDigest = digest.digest('base64url')
          done()
        }
      })
      // The reader of the body reports an interrupted one.
      return pipeline(payload, digesting, () => undefined)
    })
    app.addHook('preValidation', async ({ signed }) => {
      if (signed) checkBody(signed.operator, signed.bodyDigest)
    })
  },
  { name: 'auth', fastify: '5.x', dependencies: ['protection'] }
)
