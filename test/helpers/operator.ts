import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { digestBody, privateKeyOf, publicKeyOf } from '../../sidecar/platform/operator.ts'
import type { Role } from '../../sidecar/platform/roles.ts'

export interface ToSign {
  key: string
  role: Role
  actor?: string
  method: string
  url: string
  /** The sent value. */
  body?: string
  /** Seconds from now at which it is signed. */
  at?: number
  /** Claims that replace those of the token. */
  claims?: Record<string, unknown>
  /** The header's algorithm and others, instead. */
  header?: Record<string, unknown>
}

/** Returns the headers of a request that is signed for an operator, as Odoo signs it. */
export async function signed({
  key,
  role,
  actor = 'dewi',
  method,
  url,
  body = '',
  at = 0,
  claims,
  header
}: ToSign): Promise<{ authorization: string }> {
  const now = Math.floor(Date.now() / 1000) + at
  const told = { sub: actor, role, jti: randomUUID(), htm: method, htu: url, body: digestBody(body) }
  const token = await new SignJWT({ ...told, iat: now, exp: now + 30, ...claims })
    .setProtectedHeader({ alg: 'EdDSA', kid: publicKeyOf(key).toString('base64url'), ...header })
    .sign(privateKeyOf(key))
  return { authorization: `SDMK-Operator ${token}` }
}
