import { generateKeyPairSync } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { errors, Provider } from 'oidc-provider'
import type { Authentication } from '../sidecar/source/description.ts'
import { compilePut, type Json } from './shape/json-place.ts'
import { TokenStore } from './token-store.ts'

type OAuth2 = Extract<Authentication, { type: 'oauth2' }>

/** The scope of a client if the description has none. */
const DEFAULT_SCOPE = 'nakes.read'
/** The path of the provider's token endpoint, which may differ from the described one. */
const TOKEN_PATH = '/token'
const REFRESH_TOKEN_SECONDS = 30 * 24 * 3600

export interface TokenOptions {
  described: OAuth2
  clientId: string
  clientSecret: string
  lifetimeSeconds: number
  /** Returns the answer that is sent instead of one with a token. */
  alter(answer: Record<string, unknown>): Record<string, unknown>
}

/** The OAuth part of the simulator: issues, rotates, checks and revokes tokens. Lifetimes follow the real clock. */
export interface Tokens {
  /** Answers one request to the token endpoint, whose query and body were read. */
  handle(request: IncomingMessage, query: URLSearchParams, body: string, response: ServerResponse): Promise<void>
  /** Whether an `Authorization` header carries a live access token. */
  isAccepted(authorization: string | undefined): Promise<boolean>
  expireAccessTokens(): void
  revokeRefreshTokens(): void
  /** Tokens issued so far, by grant type. */
  readonly issued: Readonly<Record<string, number>>
  /** The requests so far, in order. */
  readonly requests: readonly TokenRequest[]
}

/** One request to the token endpoint, with its decision. */
export interface TokenRequest {
  /** Milliseconds since the epoch, by the real clock. */
  at: number
  grantType: string
  /** `issued`, or the OAuth error: `invalid_grant` for a refresh token that was spent. */
  result: string
}

/** Returns a token endpoint for one client, with its own store. */
export function createTokens({ described, clientId, clientSecret, lifetimeSeconds, alter }: TokenOptions): Tokens {
  const store = new TokenStore()
  const scope = described.parameters?.scope ?? DEFAULT_SCOPE
  const method = described.credentialsIn === 'basic' ? 'client_secret_basic' : 'client_secret_post'
  const reshape = compileTokenAnswer(described)
  const issued: Record<string, number> = { client_credentials: 0, refresh_token: 0 }
  const provider = new Provider('http://127.0.0.1', {
    adapter: store.adapter,
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        id_token_signed_response_alg: 'EdDSA',
        grant_types: ['client_credentials', 'refresh_token'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: method
      }
    ],
    clientAuthMethods: [method],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    // No id token is ever issued, but the provider does not start without a key to sign one.
    jwks: { keys: [generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })] },
    rotateRefreshToken: true,
    routes: { token: TOKEN_PATH },
    // The provider has refresh tokens only if this scope exists. Clients need not request it.
    scopes: [...scope.split(' '), 'offline_access'],
    ttl: { AccessToken: lifetimeSeconds, RefreshToken: REFRESH_TOKEN_SECONDS, Grant: REFRESH_TOKEN_SECONDS }
  })
  issueRefreshTokenWithClientCredentials(provider, scope)
  provider.use(async (ctx, next) => {
    await next()
    const body: unknown = ctx.body
    if (ctx.status === 200 && typeof body === 'object' && body !== null) ctx.body = alter(reshape({ ...body }))
  })
  const requests: TokenRequest[] = []
  const note = (grantType: string, result: string) => requests.push({ at: Date.now(), grantType, result })
  provider.on('grant.success', ctx => {
    const grant = String(ctx.oidc.params?.grant_type)
    issued[grant] = (issued[grant] ?? 0) + 1
    note(grant, 'issued')
  })
  provider.on('grant.error', (ctx, error) => note(String(ctx.oidc?.params?.grant_type), error.error))
  const answer = provider.callback()
  return {
    handle: async (request, query, body, response) => {
      const form = formOf(described, query, body)
      const wrong = Object.entries(described.parameters ?? {}).find(
        ([name, value]) => name !== 'scope' && form.get(name) !== value
      )
      if (wrong === undefined) return answer(withForm(request, form.toString()), response)
      const error = { error: 'invalid_request', error_description: `${wrong[0]} must be ${wrong[1]}` }
      note(String(form.get('grant_type')), error.error)
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(error))
    },
    isAccepted: async authorization => {
      const value = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
      const token = value === undefined ? undefined : await provider.AccessToken.find(value)
      // The provider relies on the store to delete expired tokens, but this store keeps them.
      return token !== undefined && !token.isExpired
    },
    expireAccessTokens: () => store.expireAccessTokens(),
    revokeRefreshTokens: () => store.revokeRefreshTokens(),
    issued,
    requests
  }
}

/** The provider's own client-credentials grant gives no refresh token; KKI's does. */
function issueRefreshTokenWithClientCredentials(provider: Provider, known: string): void {
  provider.registerGrantType(
    'client_credentials',
    async ctx => {
      const { client, params } = ctx.oidc
      const wanted = typeof params?.scope === 'string' ? params.scope : known
      if (wanted !== known) throw new errors.InvalidScope('requested scope is not allowed', wanted)
      const grant = new provider.Grant({ accountId: client.clientId, clientId: client.clientId })
      grant.addOIDCScope(known)
      const grantId = await grant.save()
      const properties = { client, accountId: client.clientId, grantId, gty: 'client_credentials', scope: known }
      const accessToken = new provider.AccessToken(properties)
      const refreshToken = new provider.RefreshToken(properties)
      ctx.body = {
        access_token: await accessToken.save(),
        expires_in: accessToken.expiration,
        refresh_token: await refreshToken.save(),
        scope: known,
        token_type: 'Bearer'
      }
    },
    ['scope']
  )
}

/** Returns the parameters for the provider. A parameter is accepted only at its described place. */
function formOf(
  { parameters = {}, parametersIn = 'body' }: OAuth2,
  query: URLSearchParams,
  body: string
): URLSearchParams {
  const form = new URLSearchParams(body)
  if (parametersIn === 'query') {
    for (const name of ['grant_type', ...Object.keys(parameters)]) form.delete(name)
    for (const [name, value] of query) if (!name.startsWith('client_')) form.append(name, value)
  }
  return form
}

/** Returns the request with another body, for the provider's own path. */
function withForm({ headers, socket, httpVersion }: IncomingMessage, form: string): IncomingMessage {
  const body = Buffer.from(form)
  const length = { 'content-length': String(body.length), 'transfer-encoding': undefined }
  const parts = { method: 'POST', url: TOKEN_PATH, headers: { ...headers, ...length }, socket, httpVersion }
  return Object.assign(Readable.from([body]), parts) as unknown as IncomingMessage
}

/** Returns a function that moves the members of the provider's answer to the places of the description. */
function compileTokenAnswer({ token, expiresIn, lifetimeSeconds, refreshToken }: OAuth2): (answer: Json) => Json {
  const putToken = token === undefined ? null : compilePut(token)
  const putExpiry = expiresIn === undefined ? null : compilePut(expiresIn)
  return ({ access_token, expires_in, refresh_token, ...others }) => {
    const answer: Json = { ...others, ...(refreshToken && { refresh_token }) }
    if (putToken === null) answer.access_token = access_token
    else putToken(answer, access_token)
    // If the answer has no lifetime, the description states it.
    if (putExpiry !== null) putExpiry(answer, expires_in)
    else if (lifetimeSeconds === undefined) answer.expires_in = expires_in
    return answer
  }
}
