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
  /** The operator that the key speaks for, or the key's own name. */
  name: string
  keyId: number
  /** The operator's; null where the key speaks for itself. */
  role: Role | null
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns a hook (`onRequest` or `preHandler`) that lets only keys with this scope pass and sets `request.actor`. */
    requireScope(scope: Scope): (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  }
  interface FastifyRequest {
    /** Who asks; `null` on routes that ask for no key, and where the request has none that is in use. */
    actor: Actor | null
    /** What was signed for the operator, and the digest of the body that came; null where the key speaks for itself. */
    signed: { operator: Operator; bodyDigest: string } | null
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

    /** Returns the key in use that was found under a name before, or is now. */
    async function lookUp(
      request: FastifyRequest,
      reply: FastifyReply,
      name: string,
      find: () => Promise<ApiKey | null>
    ): Promise<ApiKey> {
      const former = known.get(name)
      if (former && former.until > Date.now()) return former.key
      if (!former) {
        const limit = await countStranger(request)
        if (!limit.isAllowed && limit.isExceeded) {
          reply.header('retry-after', limit.ttlInSeconds)
          throw new Problem('RATE_LIMITED', `More than ${limit.max} requests in a minute without a key that is in use.`)
        }
      }
      const key = await find()
      if (!key) {
        known.delete(name)
        throw new Problem('UNAUTHORIZED', 'Send an API key that is in use as "Authorization: Bearer sdmk_…".')
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
      // A key may be older than the rule for names of keys.
      request.actor = { name: escapeUnprintable(key.name), keyId: key.id, role: null }
      return key
    }

    /** Writes are made once. A request that is read again tells nothing that its first answer did not. */
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
    app.decorate('requireScope', (scope: Scope) => async (request: FastifyRequest, reply: FastifyReply) => {
      const key = await identify(request, reply)
      request.log = request.log.child({ key_id: key.id })
      // It would be believed by whoever sends it, and by nobody here.
      if (request.headers['x-actor'] !== undefined) {
        throw new Problem('FORBIDDEN', 'X-Actor is not taken: for an operator a request is signed.')
      }
      if (!key.scopes.includes(scope)) throw new Problem('FORBIDDEN', `This key lacks the scope ${scope}.`)
      if (!request.signed) return
      const { operator } = request.signed
      if (!key.scopes.includes('actor:delegate'))
        throw new Problem('FORBIDDEN', 'This key does not speak for operators.')
      if (!roleAllows(operator.role, scope)) {
        throw new Problem('FORBIDDEN', `An operator who is ${operator.role} may not use the scope ${scope}.`)
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
      // A body that breaks off is told of by whoever reads it.
      return pipeline(payload, digesting, () => undefined)
    })
    app.addHook('preValidation', async ({ signed }) => {
      if (signed) checkBody(signed.operator, signed.bodyDigest)
    })
  },
  { name: 'auth', fastify: '5.x', dependencies: ['protection'] }
)
