import { randomUUID, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Authentication as Described } from '../sidecar/source/description.ts'
import { compilePut, type Json } from './shape/json-place.ts'
import { compileRequest } from './shape/template.ts'
import { createTokens, type TokenRequest, type Tokens } from './tokens.ts'

/** The credentials of a client; each kind of authentication uses its part. */
export interface Credentials {
  clientId: string
  clientSecret: string
  username: string
  password: string
  token: string
  apiKey: string
}

/** Checks the callers in the way of one description. Lifetimes follow the real clock. */
export interface Authentication {
  /** The secret `kki` of a connector with access. */
  secret: Record<string, string>
  /** The header WWW-Authenticate of a denied request; null for none. */
  challenge: string | null
  isAccepted(request: FastifyRequest): Promise<boolean>
  /** Denies every token issued so far. A constant token is denied only once. */
  expireAccessTokens(): void
  revokeRefreshTokens(): void
  /** The token endpoint with OAuth. */
  tokens: Tokens | null
  /** The login with a session. @throws SimulatorInputError if the request does not match the description */
  login: ((body: unknown) => Json | null) | null
  /** Tokens issued so far, by grant type. */
  readonly issued: Readonly<Record<string, number>>
  readonly requests: readonly TokenRequest[]
}

export interface AuthenticationOptions {
  lifetimeSeconds: number | null
  /** Returns the answer that is sent instead of one with a token. */
  alter(answer: Json): Json
}

const defaultLifetimeSeconds = 3600

/** Returns the authentication of a description. */
export function createAuthentication(
  described: Described,
  credentials: Credentials,
  { lifetimeSeconds, alter }: AuthenticationOptions
): Authentication {
  const { clientId, clientSecret, username, password, token, apiKey } = credentials
  switch (described.type) {
    case 'oauth2': {
      const tokens = createTokens({
        described,
        clientId,
        clientSecret,
        lifetimeSeconds: lifetimeSeconds ?? described.lifetimeSeconds ?? defaultLifetimeSeconds,
        alter
      })
      return {
        secret: { clientId, clientSecret },
        challenge: 'Bearer error="invalid_token"',
        isAccepted: request => tokens.isAccepted(request.headers.authorization),
        expireAccessTokens: () => tokens.expireAccessTokens(),
        revokeRefreshTokens: () => tokens.revokeRefreshTokens(),
        tokens,
        login: null,
        issued: tokens.issued,
        requests: tokens.requests
      }
    }
    case 'session':
      return createSessions(described, credentials, { lifetimeSeconds, alter })
    case 'bearer':
      return constant({ token }, 'Bearer', headerOf('authorization', `Bearer ${token}`))
    case 'basic': {
      const value = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
      return constant({ username, password }, 'Basic realm="KKI"', headerOf('authorization', value))
    }
    case 'api_key':
      return constant(
        { apiKey },
        null,
        carried(described, value => equal(value, apiKey))
      )
    case 'none':
      return constant({}, null, () => true)
  }
}

/** A login that returns a session token. */
function createSessions(
  described: Extract<Described, { type: 'session' }>,
  { username, password }: Credentials,
  { lifetimeSeconds, alter }: AuthenticationOptions
): Authentication {
  const lifetime = lifetimeSeconds ?? described.lifetimeSeconds ?? defaultLifetimeSeconds
  const ends = new Map<string, number>()
  const issued = { login: 0 }
  const requests: TokenRequest[] = []
  const { json, form } = described
  const read = compileRequest({ ...(json !== undefined && { json }), ...(form !== undefined && { form }) })
  const putToken = compilePut(described.token)
  const putExpiry = described.expiresIn === undefined ? null : compilePut(described.expiresIn)
  const isLive = (token: string) => (ends.get(token) ?? 0) > Date.now()
  return {
    secret: { username, password },
    challenge: null,
    isAccepted: async request => carried(described, isLive)(request),
    expireAccessTokens: () => ends.clear(),
    revokeRefreshTokens: () => undefined,
    tokens: null,
    login(body) {
      const asked = read({ query: new URLSearchParams(), headers: {}, body })
      const isKnown = equal(asked.username ?? username, username) && equal(asked.password ?? '', password)
      requests.push({ at: Date.now(), grantType: 'login', result: isKnown ? 'issued' : 'denied' })
      if (!isKnown) return null
      const token = randomUUID()
      ends.set(token, Date.now() + lifetime * 1000)
      issued.login++
      const answer: Json = {}
      putToken(answer, token)
      putExpiry?.(answer, lifetime)
      return alter(answer)
    },
    issued,
    requests
  }
}

type Check = (request: FastifyRequest) => boolean

/** A constant credential cannot be renewed, so it is denied for only one request. */
function constant(secret: Record<string, string>, challenge: string | null, check: Check): Authentication {
  let isExpired = false
  return {
    secret,
    challenge,
    isAccepted: async request => {
      const isAccepted = !isExpired && check(request)
      isExpired = false
      return isAccepted
    },
    expireAccessTokens: () => {
      isExpired = true
    },
    revokeRefreshTokens: () => undefined,
    tokens: null,
    login: null,
    issued: {},
    requests: []
  }
}

function headerOf(name: string, expected: string): Check {
  return request => equal(String(request.headers[name] ?? ''), expected)
}

/** Returns the token at the place of the description. */
function carried(
  { in: place, name, prefix = '' }: { in: 'header' | 'query'; name: string; prefix?: string },
  isGood: (value: string) => boolean
): Check {
  return request => {
    const url = new URL(request.url, 'http://simulator')
    const given = place === 'query' ? url.searchParams.get(name) : request.headers[name.toLowerCase()]
    return typeof given === 'string' && given.startsWith(prefix) && isGood(given.slice(prefix.length))
  }
}

function equal(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
