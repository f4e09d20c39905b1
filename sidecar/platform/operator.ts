import { createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { holdsIdentityNumber } from './identity-number.ts'
import { Problem } from './problem.ts'
import { roles } from './roles.ts'

/**
 * The claims that a program signs for each request of an operator, as a JWT: the operator, the role, and the exact request.
 * It is signed with the program's API key, which is never sent itself.
 */
const Claims = Type.Object({
  /** The operator's login. */
  sub: Type.String(),
  role: Type.Enum([...roles]),
  jti: Type.String({ pattern: '^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$' }),
  htm: Type.String(),
  /** Path and query as sent. */
  htu: Type.String(),
  /** SHA-256 of the body as base64url; of zero bytes if there is no body. */
  body: Type.String()
})
export type Operator = Static<typeof Claims>

/** How long a signed request is valid, and how far the clocks of both machines may differ, in seconds. */
const lifetime = 30
const clockTolerance = 30
/** After this many seconds a signed request is expired by every tolerated clock. */
export const rememberedSeconds = lifetime + 2 * clockTolerance

const scheme = /^SDMK-Operator (?=[\w-]{1,200}\.)([\w-]+\.[\w-]+\.[\w-]+)$/i

/** Returns the signed request of an `Authorization` header, with the public key that it names; null if there is none. */
export function readSigned(authorization: string | undefined): { token: string; publicKey: Buffer } | null {
  const token = scheme.exec(authorization ?? '')?.[1]
  if (token === undefined) return null
  const publicKey = publicKeyNamed(token)
  return publicKey && { token, publicKey }
}

function publicKeyNamed(token: string): Buffer | null {
  try {
    const { kid } = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString())
    const publicKey = Buffer.from(String(kid), 'base64url')
    return publicKey.length === 32 ? publicKey : null
  } catch {
    return null
  }
}

/**
 * Returns the operator of a signed request whose public key is known.
 * @throws Problem if the token is not valid for this method and URL now
 */
export async function verifySigned(
  { token, publicKey }: { token: string; publicKey: Buffer },
  { method, url }: { method: string; url: string }
): Promise<Operator> {
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') },
    format: 'jwk'
  })
  const claims = await jwtVerify(token, key, {
    algorithms: ['EdDSA'],
    clockTolerance,
    maxTokenAge: lifetime,
    requiredClaims: ['exp']
  }).catch(error => {
    const isOfTime =
      error instanceof errors.JWTExpired || (error instanceof errors.JWTClaimValidationFailed && error.claim === 'iat')
    throw unsigned(
      isOfTime
        ? 'The signature of the request has expired or is in the future: compare the clocks of Odoo and of this machine.'
        : 'The signature of the request is not valid.'
    )
  })
  const operator = claims.payload
  if (!Value.Check(Claims, operator)) throw unsigned('The signed claims lack the operator, the role or the request.')
  if (operator.htm !== method || operator.htu !== url)
    throw unsigned('The signed request differs from the request that was sent.')
  if (!isFitLogin(operator.sub)) {
    throw new Problem('VALIDATION_FAILED', 'Not valid: /headers/authorization/sub', {
      errors: [
        {
          field: '/headers/authorization/sub',
          message: 'must be a login of at most 200 ASCII characters without an identity number'
        }
      ]
    })
  }
  return operator
}

/** One printable line, because the audit stores it and terminals show it. */
const login = /^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/

/** The number of a civil servant (NIP) is a common login. Its eighteen digits are dates and a serial number, not a NIK. */
const nip = /^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:19|20)\d\d(?:0[1-9]|1[0-2])[12]\d{3}$/

/** A login that is a NIK would put the NIK into the audit. */
function isFitLogin(text: string): boolean {
  return login.test(text) && (nip.test(text) || !holdsIdentityNumber(text))
}

/** @throws Problem if the signed body differs from the one that was sent */
export function checkBody({ body }: Operator, sent: string): void {
  if (body !== sent) throw unsigned('The signed body differs from the body that was sent.')
}

function unsigned(detail: string): Problem {
  return new Problem('UNAUTHORIZED', detail)
}

/** Returns the public half of an API key: its 256 random bits are an Ed25519 key. */
export function publicKeyOf(apiKey: string): Buffer {
  return createPublicKey(privateKeyOf(apiKey)).export({ format: 'der', type: 'spki' }).subarray(-32)
}

/** Returns the private key of an API key. */
export function privateKeyOf(apiKey: string): KeyObject {
  const seed = Buffer.from(apiKey.slice('sdmk_'.length), 'base64url')
  return createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' })
}

/** The prefix of the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Returns the digest of a body in the form of the signed claim. */
export function digestBody(body: string | Buffer): string {
  return hash('sha256', body, 'base64url')
}
