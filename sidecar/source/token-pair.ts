import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { decodeUtf8 } from '../platform/strict-text.ts'
import { compilePointer } from '../transform/field-source.ts'
import type { TokenAuthentication } from './grant.ts'

/** An access token and what belongs to it. Times are milliseconds since the epoch, by this machine's clock. */
export interface TokenPair {
  accessToken: string
  /** `null` where KKI gave none, or where it has been sent already: it works once. */
  refreshToken: string | null
  tokenType: string
  issuedAt: number
  expiresAt: number
}

/** A token that says that it lives longer is renewed all the same: a day later KKI may have other plans for it. */
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
 * Returns the pair that a token answer carries, or `null` where the answer is not one; `issuedAt` is when it was asked for.
 * A refresh token is taken only if the description says that it is used.
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

/** Returns seconds; `null` where the answer should say them and does not. */
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

/** Returns the pair in the form in which a secret store keeps it; times are ISO instants. */
export function toSecret(pair: TokenPair): Record<string, string> {
  return {
    accessToken: pair.accessToken,
    ...(pair.refreshToken === null ? {} : { refreshToken: pair.refreshToken }),
    tokenType: pair.tokenType,
    issuedAt: new Date(pair.issuedAt).toISOString(),
    expiresAt: new Date(pair.expiresAt).toISOString()
  }
}

/** Returns the stored pair, or `null` where the secret is none or is not whole: a new one can always be asked for. */
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

/** Tells whether the pair is to be renewed at `now`: `aheadMs` before its end, or a sixth of its life if that is shorter. */
export function isDue(pair: TokenPair, now: number, aheadMs: number): boolean {
  // Otherwise a token that lives shorter than `aheadMs` would be renewed for every single page.
  return now >= pair.expiresAt - Math.min(aheadMs, (pair.expiresAt - pair.issuedAt) / 6)
}
