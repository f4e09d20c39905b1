import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { decodeUtf8 } from '../platform/strict-text.ts'
import { compilePointer } from '../transform/field-source.ts'
import type { TokenAuthentication } from './grant.ts'

/** An access token with its refresh token and times. Times are milliseconds since the epoch, by this machine's clock. */
export interface TokenPair {
  accessToken: string
  /** `null` if KKI sent none, or if it was already used: it works once. */
  refreshToken: string | null
  tokenType: string
  issuedAt: number
  expiresAt: number
}

/** Longest use of a token, even if its stated lifetime is longer: KKI may revoke it meanwhile. */
const longestLifeSeconds = 86_400

// Visible ASCII: anything else could not be sent in a header.
const token = Type.String({ pattern: '^[\\x21-\\x7e]+$' })
const isToken = Compile(token)
// The ministry's own gateway writes the number as text.
const isLifetime = Compile(Type.Union([Type.Number({ minimum: 1 }), Type.String({ pattern: '^0*[1-9]\\d{0,15}$' })]))
const oauthMembers = Compile(
  Type.Object({
    // Any case, and the same gateway calls it "BearerToken".
    token_type: Type.String({ pattern: '^[Bb][Ee][Aa][Rr][Ee][Rr]([Tt][Oo][Kk][Ee][Nn])?$' }),
    refresh_token: Type.Optional(Type.Union([token, Type.Null(), Type.Literal('')]))
  })
)

/**
 * Returns the pair of a token answer, or `null` if the answer is not one; `issuedAt` is the time of the request. A refresh
 * token is used only if the description enables it.
 */
export function parseTokenAnswer(
  body: Buffer,
  issuedAt: number,
  authentication: TokenAuthentication
): TokenPair | null {
  let answer: unknown
  try {
    answer = JSON.parse(decodeUtf8(body))
  } catch {
    return null
  }
  const isOAuth = authentication.type === 'oauth2'
  if (isOAuth && !oauthMembers.Check(answer)) return null
  const { refresh_token: refreshToken } = answer as { refresh_token?: string | null }
  const accessToken = compilePointer(authentication.token ?? '/access_token')(answer)
  const lifetime = lifetimeOf(answer, authentication)
  if (!isToken.Check(accessToken) || lifetime === null) return null
  return {
    accessToken,
    refreshToken: isOAuth && authentication.refreshToken ? refreshToken || null : null,
    tokenType: 'Bearer',
    issuedAt,
    expiresAt: issuedAt + Math.floor(Math.min(lifetime, longestLifeSeconds)) * 1000
  }
}

/** Returns seconds; `null` if the answer should contain them and does not. */
function lifetimeOf(
  answer: unknown,
  { type, expiresIn = type === 'oauth2' ? '/expires_in' : undefined, lifetimeSeconds }: TokenAuthentication
): number | null {
  const stated = expiresIn === undefined ? undefined : compilePointer(expiresIn)(answer)
  if (isLifetime.Check(stated)) return Number(stated)
  if (stated !== undefined && stated !== null) return null
  if (lifetimeSeconds !== undefined) return lifetimeSeconds
  return expiresIn === undefined ? longestLifeSeconds : null
}

/** Returns the pair in the form of the secret store; times are ISO instants. */
export function toSecret(pair: TokenPair): Record<string, string> {
  return {
    accessToken: pair.accessToken,
    ...(pair.refreshToken === null ? {} : { refreshToken: pair.refreshToken }),
    tokenType: pair.tokenType,
    issuedAt: new Date(pair.issuedAt).toISOString(),
    expiresAt: new Date(pair.expiresAt).toISOString()
  }
}

/** Returns the stored pair, or `null` if the secret is missing or incomplete: a new pair can always be requested. */
export function fromSecret(secret: Record<string, string> | null): TokenPair | null {
  const expiresAt = Date.parse(secret?.expiresAt ?? '')
  if (!secret?.accessToken || Number.isNaN(expiresAt)) return null
  const issuedAt = Date.parse(secret.issuedAt ?? '')
  return {
    accessToken: secret.accessToken,
    refreshToken: secret.refreshToken || null,
    tokenType: secret.tokenType ?? 'Bearer',
    issuedAt: Number.isNaN(issuedAt) ? 0 : issuedAt,
    expiresAt
  }
}

/** Returns whether to renew the pair at `now`: `aheadMs` before its end, or a sixth of its lifetime if that is shorter. */
export function isDue(pair: TokenPair, now: number, aheadMs: number): boolean {
  // Otherwise a token with a lifetime below `aheadMs` would be renewed for every page.
  return now >= pair.expiresAt - Math.min(aheadMs, (pair.expiresAt - pair.issuedAt) / 6)
}
