import { generateKeyPairSync } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { errors, Provider } from 'oidc-provider'
import { TokenStore } from './token-store.ts'

const SCOPE = 'nakes.read'
const REFRESH_TOKEN_SECONDS = 30 * 24 * 3600

export interface TokenOptions {
  clientId: string
  clientSecret: string
  lifetimeSeconds: number
  /** Returns what is sent in the place of an answer with a token. */
  alter(answer: Record<string, unknown>): Record<string, unknown>
}

/** The OAuth part of the simulator: issues, rotates, checks and revokes tokens. Lifetimes follow the real clock. */
export interface Tokens {
  /** Answers one request to the token endpoint. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Whether an `Authorization` header carries a live access token. */
  isAccepted(authorization: string | undefined): Promise<boolean>
  expireAccessTokens(): void
  revokeRefreshTokens(): void
  /** Tokens issued so far, by grant type. */
  readonly issued: Readonly<Record<string, number>>
  /** What was asked for so far, in order. */
  readonly requests: readonly TokenRequest[]
}

/** One request to the token endpoint, as it was decided. */
export interface TokenRequest {
  /** Milliseconds since the epoch, by the real clock. */
  at: number
  grantType: string
  /** `issued`, or the OAuth error: `invalid_grant` for a refresh token that was spent. */
  result: string
}

/** Returns a token endpoint for one client, with a store of its own. */
export function createTokens({ clientId, clientSecret, lifetimeSeconds, alter }: TokenOptions): Tokens {
  const store = new TokenStore()
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
        token_endpoint_auth_method: 'client_secret_post'
      }
    ],
    clientAuthMethods: ['client_secret_post'],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    // No id token is ever issued, but the provider does not start without a key to sign one.
    jwks: { keys: [generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })] },
    rotateRefreshToken: true,
    routes: { token: '/oauth2/token' },
    // The provider knows refresh tokens only where this scope exists; nobody needs to ask for it.
    scopes: [SCOPE, 'offline_access'],
    ttl: { AccessToken: lifetimeSeconds, RefreshToken: REFRESH_TOKEN_SECONDS, Grant: REFRESH_TOKEN_SECONDS }
  })
  issueRefreshTokenWithClientCredentials(provider)
  provider.use(async (ctx, next) => {
    await next()
    const body: unknown = ctx.body
    if (ctx.status === 200 && typeof body === 'object' && body !== null) ctx.body = alter({ ...body })
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
    handle: async (request, response) => answer(request, response),
    isAccepted: async authorization => {
      const value = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
      const token = value === undefined ? undefined : await provider.AccessToken.find(value)
      // The provider leaves expired tokens to the store, and this one keeps them.
      return token !== undefined && !token.isExpired
    },
    expireAccessTokens: () => store.expireAccessTokens(),
    revokeRefreshTokens: () => store.revokeRefreshTokens(),
    issued,
    requests
  }
}

/** The provider's own client-credentials grant gives no refresh token; KKI's does. */
function issueRefreshTokenWithClientCredentials(provider: Provider): void {
  provider.registerGrantType(
    'client_credentials',
    async ctx => {
      const { client, params } = ctx.oidc
      const wanted = typeof params?.scope === 'string' ? params.scope : SCOPE
      if (wanted !== SCOPE) throw new errors.InvalidScope('requested scope is not allowed', wanted)
      const grant = new provider.Grant({ accountId: client.clientId, clientId: client.clientId })
      grant.addOIDCScope(SCOPE)
      const grantId = await grant.save()
      const properties = { client, accountId: client.clientId, grantId, gty: 'client_credentials', scope: SCOPE }
      const accessToken = new provider.AccessToken(properties)
      const refreshToken = new provider.RefreshToken(properties)
      ctx.body = {
        access_token: await accessToken.save(),
        expires_in: accessToken.expiration,
        refresh_token: await refreshToken.save(),
        scope: SCOPE,
        token_type: 'Bearer'
      }
    },
    ['scope']
  )
}
