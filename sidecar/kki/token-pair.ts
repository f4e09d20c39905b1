import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { decodeUtf8 } from '../platform/strict-text.ts'

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
const answerSchema = Compile(
  Type.Object({
    access_token: token,
    // Any case, and the ministry's own gateway calls it "BearerToken".
    token_type: Type.String({ pattern: '^[Bb][Ee][Aa][Rr][Ee][Rr]([Tt][Oo][Kk][Ee][Nn])?$' }),
    // The same gateway writes the number as text.
    expires_in: Type.Union([Type.Number({ minimum: 1 }), Type.String({ pattern: '^0*[1-9]\\d{0,15}$' })]),
    refresh_token: Type.Optional(Type.Union([token, Type.Null(), Type.Literal('')]))
  })
)

/** Returns the pair that a token answer carries, or `null` where the answer is not one; `issuedAt` is when it was asked for. */
export function parseTokenAnswer(body: Buffer, issuedAt: number): TokenPair | null {
  let answer: unknown
  try {
    answer = JSON.parse(decodeUtf8(body))
  } catch {
    return null
  }
  if (!answerSchema.Check(answer)) return null
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token || null,
    tokenType: 'Bearer',
    issuedAt,
    expiresAt: issuedAt + Math.floor(Math.min(Number(answer.expires_in), longestLifeSeconds)) * 1000
  }
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
